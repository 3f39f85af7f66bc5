#include "importers/csv.h"

#include <csv.h>

namespace countersign {

std::string_view WithoutMark(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  return text.starts_with(kByteOrderMark) ? text.substr(kByteOrderMark.size()) : text;
}

struct CsvReader::State {
  csv_parser parser{};
  Record record;
  std::vector<std::string> fields;
  std::int64_t records = 0;

  [[nodiscard]] Status Fault() {
    return Fail(Code::kInvalidArgument, "is no CSV at record " + std::to_string(records + 1) +
                                            ": " + csv_strerror(csv_error(&parser)));
  }
};

namespace {

template <class State>
void OnField(void* text, std::size_t size, void* data) {
  auto* state = static_cast<State*>(data);
  if (!state->record) return;
  // libcsv gives no buffer for an empty field at the end of the input.
  state->fields.emplace_back(text == nullptr ? "" : static_cast<const char*>(text), size);
}

template <class State>
void OnRecord(int, void* data) {
  auto* state = static_cast<State*>(data);
  ++state->records;
  if (state->record) state->record(state->fields);
  state->fields.clear();
}

}  // namespace

CsvReader::CsvReader(Record record) : state_(std::make_unique<State>()) {
  state_->record = std::move(record);
  (void)csv_init(&state_->parser, CSV_STRICT | CSV_STRICT_FINI);  // fails for a null pointer alone
}

CsvReader::~CsvReader() { csv_free(&state_->parser); }

Status CsvReader::Feed(std::string_view piece) {
  const std::size_t taken = csv_parse(&state_->parser, piece.data(), piece.size(), OnField<State>,
                                      OnRecord<State>, state_.get());
  return taken == piece.size() ? Status() : state_->Fault();
}

Status CsvReader::Finish() {
  const int failed = csv_fini(&state_->parser, OnField<State>, OnRecord<State>, state_.get());
  return failed == 0 ? Status() : state_->Fault();
}

std::int64_t CsvReader::records() const { return state_->records; }

}  // namespace countersign
