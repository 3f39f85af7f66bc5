#include "evidence/signature_fault.h"

namespace countersign {
namespace {

const char* ReasonOf(Code code) {
  switch (code) {
    case Code::kResourceExhausted: return "SignatureTooLarge";
    case Code::kPermissionDenied: return "SignatureInvalid";
    case Code::kFailedPrecondition: return "SignatureOfOtherType";
    case Code::kUnauthenticated: return "SignatureKeyUnsupported";
    default: return "SignatureMalformed";
  }
}

}  // namespace

tl::unexpected<SignatureFault> Refuted(const Error& error) {
  return Refuted(ReasonOf(error.code), error.ToString());
}

}  // namespace countersign
