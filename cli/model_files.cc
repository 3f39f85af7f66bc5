#include "cli/model_files.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <mutex>
#include <system_error>
#include <thread>

namespace countersign {
namespace {

namespace fs = std::filesystem;

// Far beyond any model; a path such as / is a mistake.
constexpr std::size_t kMaxModelFiles = 100'000;
constexpr unsigned kMaxThreads = 64;
constexpr std::uintmax_t kLarge = std::uintmax_t{256} << 20U;  // what takes about a second
constexpr std::size_t kPiece = std::size_t{1} << 20U;

fs::file_status StatusOf(const fs::path& path, bool follow_links) {
  std::error_code ignored;
  return follow_links ? fs::status(path, ignored) : fs::symlink_status(path, ignored);
}

Status MustBeFile(const fs::path& path, fs::file_status status) {
  switch (status.type()) {
    case fs::file_type::regular: return {};
    case fs::file_type::not_found:
      return Fail(Code::kNotFound, "cannot read '" + path.string() + "': it does not exist");
    case fs::file_type::symlink:
      return Fail(Code::kInvalidArgument, "'" + path.string() +
                                              "' is a symbolic link, and what it leads to may "
                                              "change: give the file itself");
    case fs::file_type::directory:
      return Fail(Code::kInvalidArgument, "'" + path.string() + "' must be a file, is a folder");
    default: return Fail(Code::kInvalidArgument, "'" + path.string() + "' is no regular file");
  }
}

// What is below `folder`, and how much of it there is.
struct Listing {
  std::vector<std::string> names;
  std::vector<std::uintmax_t> sizes;
};

// Calls `visit` for what is below `folder` and no folder itself, with its path and its name there.
template <class Visit>
Status ForEachBelow(const fs::path& folder, const std::vector<std::string>& ignored,
                    const Visit& visit) {
  std::error_code error;
  fs::recursive_directory_iterator it(folder, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::string name = it->path().lexically_relative(folder).generic_string();
    if (std::find(ignored.begin(), ignored.end(), name) != ignored.end()) {
      it.disable_recursion_pending();
      continue;
    }
    if (StatusOf(it->path(), false).type() == fs::file_type::directory) continue;
    if (auto ok = visit(it->path(), std::move(name)); !ok) return ok;
  }
  if (error) {
    return Fail(Code::kUnavailable, "cannot read '" + folder.string() + "': " + error.message());
  }
  return {};
}

Result<Listing> ListFiles(const fs::path& folder, const ModelFilesOptions& options) {
  Listing listing;
  const auto read =
      ForEachBelow(folder, options.ignored, [&](const fs::path& path, std::string name) -> Status {
        if (auto ok = MustBeFile(path, StatusOf(path, options.follow_links)); !ok) return ok;
        std::error_code unknown;  // the size is for progress and order alone
        const std::uintmax_t size = fs::file_size(path, unknown);
        listing.names.push_back(std::move(name));
        listing.sizes.push_back(unknown ? 0 : size);
        if (listing.names.size() <= kMaxModelFiles) return {};
        return Fail(Code::kInvalidArgument, "'" + folder.string() + "' has more than " +
                                                std::to_string(kMaxModelFiles) + " files");
      });
  if (!read) return Fail(read.error());
  if (listing.names.empty()) {
    return Fail(Code::kNotFound, "'" + folder.string() + "' has no files");
  }
  return listing;
}

// Says on the terminal how far it is, as long as it lives.
class Progress {
 public:
  Progress(std::uintmax_t total, const std::atomic<std::uintmax_t>& done) {
    if (total < kLarge || ::isatty(STDERR_FILENO) == 0) return;
    shown_ = true;
    Show(total, done);
    thread_ = std::jthread([this, total, &done](const std::stop_token& stop) {
      std::unique_lock lock(mutex_);
      while (!stop.stop_requested()) {
        wake_.wait_for(lock, stop, std::chrono::milliseconds(500), [] { return false; });
        if (!stop.stop_requested()) Show(total, done);
      }
    });
  }
  ~Progress() {
    if (!shown_) return;
    thread_.request_stop();
    thread_.join();
    std::cerr << "\r\033[K" << std::flush;
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  static void Show(std::uintmax_t total, const std::atomic<std::uintmax_t>& done) {
    std::cerr << "\rhashed " << (done.load() >> 20U) << " of " << (total >> 20U) << " MiB"
              << std::flush;
  }

  bool shown_ = false;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace

Result<Sha256Bytes> DigestStream(const fs::path& path, const PieceReader& also, bool follow_links) {
  if (auto ok = MustBeFile(path, StatusOf(path, follow_links)); !ok) return Fail(ok.error());
  std::ifstream file;
  file.rdbuf()->pubsetbuf(nullptr, 0);  // the pieces are large enough
  file.open(path, std::ios::binary);
  if (!file) {
    return Fail(Code::kNotFound,
                "cannot read '" + path.string() + "': " + std::generic_category().message(errno));
  }
  Sha256Stream hash;
  std::string buffer(kPiece, '\0');
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
         file.gcount() > 0) {
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(file.gcount()));
    hash.Update(piece);
    if (!also) continue;
    if (auto fed = also(piece); !fed) return Fail(fed.error());
  }
  if (file.bad()) return Fail(Code::kUnavailable, "cannot read '" + path.string() + "' to its end");
  return hash.Finish();
}

Result<Sha256Bytes> DigestModelFile(const fs::path& path) {
  std::error_code unknown;
  const std::uintmax_t size = fs::file_size(path, unknown);
  std::atomic<std::uintmax_t> done = 0;
  const Progress progress(unknown ? 0 : size, done);
  return DigestStream(path, [&](std::string_view piece) -> Status {
    done += piece.size();
    return {};
  });
}

Result<std::vector<std::string>> SymlinksIn(const fs::path& folder,
                                            const std::vector<std::string>& ignored) {
  std::vector<std::string> links;
  const auto read =
      ForEachBelow(folder, ignored, [&](const fs::path& path, std::string name) -> Status {
        if (StatusOf(path, false).type() == fs::file_type::symlink) {
          links.push_back(std::move(name));
        }
        return {};
      });
  if (!read) return Fail(read.error());
  std::sort(links.begin(), links.end());
  return links;
}

Result<ModelFileDigests> DigestFolder(const fs::path& folder, const ModelFilesOptions& options) {
  auto listing = ListFiles(folder, options);
  if (!listing) return Fail(listing.error());
  const std::size_t count = listing->names.size();
  // The largest first: else one thread would be left with it at the end.
  std::vector<std::size_t> order(count);
  std::uintmax_t total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    order[i] = i;
    total += listing->sizes[i];
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return listing->sizes[a] > listing->sizes[b];
  });
  const Result<Sha256Bytes> unread = Fail(Code::kCancelled, "was not read");
  std::vector<Result<Sha256Bytes>> digests(count, unread);
  std::atomic<std::size_t> next = 0;
  std::atomic<std::uintmax_t> done = 0;
  std::atomic<bool> failed = false;
  const auto work = [&] {
    for (std::size_t i = next++; i < count && !failed; i = next++) {
      auto& digest = digests[order[i]];
      try {
        digest = DigestStream(
            folder / listing->names[order[i]],
            [&](std::string_view piece) -> Status {
              done += piece.size();
              return {};
            },
            options.follow_links);
      } catch (const std::exception& error) {
        digest = Fail(Code::kInternal, error.what());
      }
      if (!digest) failed = true;
    }
  };
  {
    const Progress progress(total, done);
    const unsigned wanted =
        options.threads > 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
    const auto threads = std::min<std::size_t>({wanted, kMaxThreads, count});
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
    work();
  }
  ModelFileDigests result;
  for (std::size_t i = 0; i < count; ++i) {
    if (!digests[i] && digests[i].error().code == Code::kCancelled) continue;  // another one failed
    if (!digests[i]) return Fail(digests[i].error());
    result.emplace(std::move(listing->names[i]), *digests[i]);
  }
  return result;
}

}  // namespace countersign
