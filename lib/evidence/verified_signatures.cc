#include "evidence/verified_signatures.h"

#include <cstring>
#include <string>
#include <utility>

#include "base/digest.h"

namespace countersign {

VerifiedSignatures::Key VerifiedSignatures::KeyOf(std::string_view data,
                                                  std::string_view signature) {
  // The length keeps apart what the two could be cut into differently.
  std::string text = std::to_string(signature.size()) + ":";
  text.reserve(text.size() + signature.size() + data.size());
  text.append(signature).append(data);
  return Sha256(text);
}

std::size_t VerifiedSignatures::Hash::operator()(const Key& key) const {
  std::size_t hash = 0;
  std::memcpy(&hash, key.data(), sizeof hash);
  return hash;
}

bool VerifiedSignatures::Contains(std::string_view data, std::string_view signature) {
  const Key key = KeyOf(data, signature);
  const std::lock_guard lock(mutex_);
  if (young_.contains(key)) return true;
  if (!old_.contains(key)) return false;
  Insert(key);
  return true;
}

void VerifiedSignatures::Add(std::string_view data, std::string_view signature) {
  const Key key = KeyOf(data, signature);
  const std::lock_guard lock(mutex_);
  Insert(key);
}

void VerifiedSignatures::Insert(const Key& key) {
  if (young_.size() >= kRemembered / 2) {
    old_ = std::exchange(young_, {});
  }
  young_.insert(key);
}

}  // namespace countersign
