#include "operator/recorded_maker.h"

namespace countersign {

bool MakerIsKnown(const Provenance& by) {
  return by.authenticity == Authenticity::kAttested || by.authenticity == Authenticity::kSigned ||
         by.authenticity == Authenticity::kForeign;
}

RecordedMaker MakerOf(const Provenance& by) {
  RecordedMaker maker;
  maker.user = by.user;
  maker.groups = by.groups;
  maker.first_seen = InstantOf(by.first_seen);
  if (by.sign_in) maker.signed_in_at = by.sign_in->at;
  if (by.authenticity == Authenticity::kForeign && by.foreign) {
    maker.installation = by.foreign->installation;
    maker.installation_key = by.foreign->key;
  }
  if (by.authenticity == Authenticity::kSigned && by.signature) {
    maker.signing_key = by.signature->key;
    maker.user_present = by.signature->user_present;
    maker.user_verified = by.signature->user_verified;
    if (const auto& chain = by.signature->chain) maker.certificates = chain->Pem();
    for (const SignerProof& one : by.signature->cosigners) {
      maker.cosigners.push_back({one.key, one.chain ? one.chain->Pem() : std::string()});
    }
  }
  return maker;
}

}  // namespace countersign
