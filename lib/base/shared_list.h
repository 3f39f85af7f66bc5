// shared_list.h: a list that many hold and nobody changes, so that a copy costs a pointer.
//
// Reads as a const std::vector. Whoever changes theirs gets a copy and leaves the others' as it
// was. Distinct SharedLists may be used by several threads at once, one SharedList by one.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace countersign {

template <class T>
class SharedList {
 public:
  using value_type = T;
  using const_iterator = typename std::vector<T>::const_iterator;

  SharedList() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a list is what it is made from
  SharedList(std::vector<T> items)
      : items_(items.empty() ? nullptr : std::make_shared<const std::vector<T>>(std::move(items))) {
  }

  [[nodiscard]] const std::vector<T>& items() const { return items_ ? *items_ : Nothing(); }
  [[nodiscard]] const_iterator begin() const { return items().begin(); }
  [[nodiscard]] const_iterator end() const { return items().end(); }
  [[nodiscard]] std::size_t size() const { return items().size(); }
  [[nodiscard]] bool empty() const { return items_ == nullptr; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return items()[i]; }
  [[nodiscard]] const T& front() const { return items().front(); }
  [[nodiscard]] const T& back() const { return items().back(); }

  // Whether both are the very same list, not merely equal ones. Empty ones are.
  [[nodiscard]] bool IsSame(const SharedList& other) const { return items_ == other.items_; }

  // Copies what is there: fill a vector instead where there is much.
  void push_back(T item) {
    Change([&](std::vector<T>& items) { items.push_back(std::move(item)); });
  }
  template <class F>
  void Change(F&& change) {
    std::vector<T> copy = items();
    std::forward<F>(change)(copy);
    *this = SharedList(std::move(copy));
  }

 private:
  static const std::vector<T>& Nothing() {
    static const std::vector<T> kNothing;
    return kNothing;
  }
  std::shared_ptr<const std::vector<T>> items_;
};

}  // namespace countersign
