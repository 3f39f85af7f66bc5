// record_limits.h: what a ModelRecord lets go of where its lists, or all of it, are full, and what
// it remembers of that.
//
// Whichever namespace a list holds most of gives way, so that it is full for that one alone; those
// that serve the model keep a part that nobody else takes. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/time.h"
#include "governance/types/model_record.h"

namespace countersign {

// Beyond this the API server's store may refuse it (1.5 MiB, with what it adds).
inline constexpr std::size_t kMaxRecordBytes = 768UL * 1024;

// What the record has let go of a namespace's evidence; an empty entry is made where there is none.
// The reference holds until the next call.
[[nodiscard]] RecordBounds& BoundsOf(ModelRecordSpec& record, const std::string& name_space);

// Moves `until` to `time` if that is later. It is kept in whole seconds: the one that `time` is in
// is forgotten as a whole.
void ForgetUntil(std::optional<Time>& until, Time time);

// First what nobody decides by, then what does not fit, of whoever has most there.
void FitRecord(ModelRecordSpec& record);

}  // namespace countersign
