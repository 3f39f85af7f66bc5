// The small texts inside of objects and flags: what is accepted is written in a form that is read
// as the same value.
#include "base/decimal.h"
#include "base/digest.h"
#include "base/host_port.h"
#include "base/time.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace countersign;
  using namespace countersign::fuzz;
  const std::string text(Text(data, size));
  // The readers of JSON and YAML have checked this before any of it gets here.
  if (!CanonicalJson(Json(text))) return 0;
  if (const auto time = ParseTime(text); time) {
    Require(ParseTime(FormatMicroTime(*time)) == *time, "a time reads back",
            FormatMicroTime(*time));
    Require(FormatTime(*time).size() == 20, "a time has four digits of year", FormatTime(*time));
  } else {
    RequireReadable(time.error());
  }
  if (const auto duration = ParseDuration(text); duration) {
    Require(ParseDuration(FormatDuration(*duration)) == *duration, "a duration reads back", text);
  } else {
    RequireReadable(duration.error());
  }
  if (const auto decimal = Decimal::Parse(text); decimal) {
    Require(Decimal::Parse(decimal->ToString()) == *decimal, "a decimal reads back", text);
  } else {
    RequireReadable(decimal.error());
  }
  if (const auto decoded = Base64Decode(text); decoded) {
    Require(Base64Encode(*decoded) == text, "bytes have one base64 text", text);
  }
  Require(Base64Decode(Base64Encode(text)) == text, "base64 keeps every byte");
  if (const auto address = ParseHostPort(text); address) {
    Require(address->port >= 0 && address->port <= 65535, "a port is a port", text);
  }
  return 0;
}
