// verified_signatures.h: remembers which signatures were found to hold.
//
// Checking one costs about half as much as all the rest of a decision, and the same stamp comes
// again with each update of its object. Only what was verified is remembered, by a SHA-256 over
// data and signature, for one set of keys: a wrong signature is checked, and refused, each time.
// Bounded: about the last kRemembered are kept. Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <string_view>
#include <unordered_set>

namespace countersign {

class VerifiedSignatures {
 public:
  static constexpr std::size_t kRemembered = 4096;

  [[nodiscard]] bool Contains(std::string_view data, std::string_view signature);
  void Add(std::string_view data, std::string_view signature);

 private:
  using Key = std::array<unsigned char, 32>;
  struct Hash {
    std::size_t operator()(const Key& key) const;
  };
  static Key KeyOf(std::string_view data, std::string_view signature);
  void Insert(const Key& key);

  std::mutex mutex_;
  // Two halves: when the younger is full, the older is forgotten. What is asked for again moves
  // into the younger.
  std::unordered_set<Key, Hash> young_;
  std::unordered_set<Key, Hash> old_;
};

}  // namespace countersign
