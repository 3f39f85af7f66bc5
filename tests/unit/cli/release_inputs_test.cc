// What `countersign release` reads: CSV, data and model files, lock files, MLflow runs, git.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/digest.h"
#include "cli/bias_counts.h"
#include "cli/content_digest.h"
#include "cli/files.h"
#include "cli/git_state.h"
#include "cli/lock_file.h"
#include "cli/mlflow_run.h"
#include "cli/release.h"
#include "cli/release_spec.h"
#include "governance/types/bias_cells.h"
#include "importers/csv.h"

namespace countersign {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class ReleaseInputs : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) /
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Put(const std::string& name, const std::string& text) {
    const std::string path = (folder_ / name).string();
    EXPECT_TRUE(WriteTextFile(path, text));
    return path;
  }
  fs::path folder_;
};

template <class T>
std::string Wrong(const Result<T>& result) {
  return result ? "" : result.error().ToString();
}

// --- what the run's files say ---

TEST(Release, OptionsSayWhatTheRunSaysOrMore) {
  const auto fits = [](const std::string& given, const std::string& recorded) {
    return static_cast<bool>(CheckAsRecorded("--entry-point", given, recorded));
  };
  EXPECT_TRUE(fits("", "train.py"));
  EXPECT_TRUE(fits("python train.py", ""));
  EXPECT_TRUE(fits("train.py", "train.py"));
  EXPECT_TRUE(fits("python train.py --seed 7", "train.py"));
  EXPECT_TRUE(fits("PyPy 7.3 (Python 3.9.18)", "Python 3.9.18"));
  for (const char* other :
       {"python other.py", "retrain.py", "train.pyc", "other/train.py", "train"}) {
    EXPECT_FALSE(fits(other, "train.py")) << other;
  }
  EXPECT_FALSE(fits("Python 3.11.70", "Python 3.11.7"));
  EXPECT_FALSE(fits("Python 3.11.70", "Python 3.11"));
  EXPECT_EQ(
      CheckAsRecorded("--entry-point", "python other.py", "train.py").error().ToString(),
      "--entry-point: is 'python other.py', and the run's files say 'train.py': leave it out, "
      "or give what is of one run");
}

// --- CSV ---

TEST(Csv, RecordsDoNotDependOnWhereThePiecesEnd) {
  const std::string text = "a,\"b \"\"x\"\",\nc\"\n\n1,\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    std::vector<std::vector<std::string>> records;
    CsvReader csv([&](const std::vector<std::string>& fields) { records.push_back(fields); });
    for (std::size_t at = 0; at < text.size(); at += size) {
      ASSERT_TRUE(csv.Feed(std::string_view(text).substr(at, size)));
    }
    ASSERT_TRUE(csv.Finish());
    EXPECT_THAT(records, ElementsAre(ElementsAre("a", "b \"x\",\nc"), ElementsAre("1", "")));
    EXPECT_EQ(csv.records(), 2);
  }
}

TEST(Csv, AQuoteWhereNoneMayStandIsAnError) {
  CsvReader csv;
  auto fed = csv.Feed("a\n\"b\"c\n");
  if (fed) fed = csv.Finish();
  ASSERT_FALSE(fed);
  EXPECT_THAT(fed.error().message, HasSubstr("is no CSV at record 2"));
}

// --- counts ---

TEST_F(ReleaseInputs, PredictionsAreCountedByGroup) {
  const auto path =
      Put("p.csv", "sex,y_true,y_pred\nf,yes,yes\nf,yes,no\nf,no,yes\nm,no,no\nm,no,no\n");
  const auto counts = ReadPredictions(path, "yes");
  ASSERT_TRUE(counts) << Wrong(counts);
  EXPECT_THAT(counts->attributes, ElementsAre("sex"));
  ASSERT_EQ(counts->cells.size(), 2U);
  const BiasCell& f = counts->cells[0];
  EXPECT_THAT(f.groups, ElementsAre(Pair("sex", "f")));
  EXPECT_THAT((std::vector{f.tp, f.fn, f.fp, f.tn}), ElementsAre(1, 1, 1, 0));
  const BiasCell& m = counts->cells[1];
  EXPECT_THAT((std::vector{m.tp, m.fn, m.fp, m.tn}), ElementsAre(0, 0, 0, 2));
}

TEST_F(ReleaseInputs, OneIsTheFavorableOutcomeWhereAllAreOneAndZero) {
  const auto counts = ReadPredictions(Put("p.csv", "g,y_pred,y_true\na,1,0\nb,0,1\n"), "accepted");
  ASSERT_TRUE(counts) << Wrong(counts);
  EXPECT_EQ(counts->cells[0].fp, 1);
  EXPECT_EQ(counts->cells[1].fn, 1);
  // Where 0 is what people want, it is named.
  const auto inverted = ReadPredictions(Put("q.csv", "g,y_pred,y_true\na,0,0\nb,1,1\n"), "0");
  ASSERT_TRUE(inverted) << Wrong(inverted);
  EXPECT_EQ(inverted->cells[0].tp, 1);
  EXPECT_EQ(inverted->cells[1].tn, 1);
}

TEST_F(ReleaseInputs, TheCrossOfTheGroupsIsCompletedWithNobody) {
  const auto counts =
      ReadPredictions(Put("p.csv", "a,b,y_true,y_pred\nx,1,1,1\ny,2,0,0\n"), "accepted");
  ASSERT_TRUE(counts) << Wrong(counts);
  ASSERT_EQ(counts->cells.size(), 4U);
  std::int64_t people = 0;
  for (const BiasCell& cell : counts->cells) people += RowsOf(cell);
  EXPECT_EQ(people, 2);
}

TEST_F(ReleaseInputs, PredictionsThatMeanNothingAreRefused) {
  const auto wrong = [&](const std::string& text, const std::string& favorable) {
    return Wrong(ReadPredictions(Put("p.csv", text), favorable));
  };
  EXPECT_THAT(wrong("g,y_true\na,1\n", "x"), HasSubstr("must have one column 'y_pred'"));
  EXPECT_THAT(wrong("g,y_true,y_pred\n", "x"), HasSubstr("must have a header and rows"));
  EXPECT_THAT(wrong("g,y_true,y_pred\na,1\n", "1"), HasSubstr("record 2: must have 3 fields"));
  EXPECT_THAT(wrong("g,y_true,y_pred\na,yes,no\n", "accepted"),
              HasSubstr("no y_true or y_pred is 'accepted'"));
  EXPECT_THAT(wrong("g,y_true,y_pred\na,yes,no\nb,maybe,no\n", "yes"),
              HasSubstr("must have two outcomes, have 3"));
}

TEST_F(ReleaseInputs, CountsNameTheirRecordAndColumn) {
  const auto wrong = [&](const std::string& text) { return Wrong(ReadCounts(Put("c.csv", text))); };
  EXPECT_THAT(wrong("g,tp,fp,fn\na,1,1,1\n"), HasSubstr("must have one column 'tn'"));
  EXPECT_THAT(wrong("g,tp,fp,fn,tn\na,1,1,1,-1\n"),
              HasSubstr("record 2, column tn: must be a count, is '-1'"));
  EXPECT_THAT(wrong("g,tp,fp,fn,tn\na,1,1,1,1\na,2,2,2,2\n"),
              HasSubstr("record 3: has the groups of a record before"));
}

// --- files and models ---

TEST_F(ReleaseInputs, DataHasItsDigestAndACsvItsRows) {
  const auto csv = DigestFile(Put("a.csv", "id,note\n1,\"two\nlines\"\n2,b\n"));
  ASSERT_TRUE(csv) << Wrong(csv);
  EXPECT_EQ(csv->rows, 2);
  const auto other = DigestFile(Put("a.bin", "abc"));
  ASSERT_TRUE(other);
  EXPECT_EQ(other->digest,
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_FALSE(other->rows);
}

TEST_F(ReleaseInputs, OnlyRegularFilesAreRead) {
  Put("real", "x");
  fs::create_symlink(folder_ / "real", folder_ / "link");
  EXPECT_THAT(Wrong(DigestFile((folder_ / "link").string())), HasSubstr("is a symbolic link"));
  EXPECT_THAT(Wrong(DigestFile(folder_.string())), HasSubstr("must be a file, is a folder"));
  EXPECT_THAT(Wrong(DigestFile((folder_ / "none").string())), HasSubstr("does not exist"));
  EXPECT_THAT(Wrong(DigestModel((folder_ / "none").string())), HasSubstr("does not exist"));
}

TEST_F(ReleaseInputs, AFolderOfNothingIsNoModel) {
  fs::create_directories(folder_ / "empty/.git");
  Put("empty/.git/config", "x");
  EXPECT_THAT(Wrong(DigestModel((folder_ / "empty").string())), HasSubstr("has no files"));
}

TEST_F(ReleaseInputs, ASignatureDoesNotChangeWhatItSigns) {
  Put("model/weights", "w");
  const auto before = DigestModel((folder_ / "model").string());
  Put("model/model.sig", "signature");
  const auto after = DigestModel((folder_ / "model").string());
  ASSERT_TRUE(before && after);
  EXPECT_EQ(before->digest, after->digest);
  EXPECT_EQ(before->type, DigestType::kModelSigningRoot);
}

TEST_F(ReleaseInputs, AnOciLayoutHasTheDigestOfItsManifestIfItHolds) {
  const std::string manifest = R"({"schemaVersion":2})";
  const std::string digest = DigestText(Sha256(manifest));
  Put("layout/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  Put("layout/index.json", R"({"manifests":[{"digest":")" + digest + R"("}]})");
  Put("layout/blobs/sha256/" + digest.substr(7), manifest);
  const auto found = DigestModel((folder_ / "layout").string());
  ASSERT_TRUE(found) << Wrong(found);
  EXPECT_EQ(found->digest, digest);
  EXPECT_EQ(found->type, DigestType::kOciManifest);
  Put("layout/blobs/sha256/" + digest.substr(7), manifest + " ");
  EXPECT_THAT(Wrong(DigestModel((folder_ / "layout").string())),
              HasSubstr("must have the digest that it is named by"));
  Put("layout/index.json", R"({"manifests":[]})");
  EXPECT_THAT(Wrong(DigestModel((folder_ / "layout").string())), HasSubstr("must name one"));
}

// --- data flags ---

TEST_F(ReleaseInputs, ADataFlagHasARoleOrAPathWithAColon) {
  EXPECT_EQ(ParseDataFlag("train=a.csv")->role, DataRole::kTraining);
  EXPECT_EQ(ParseDataFlag("x=a.csv:test")->role, DataRole::kTest);
  EXPECT_EQ(ParseDataFlag("x=a.csv:test")->file, "a.csv");
  const std::string odd = Put("odd:name", "x");
  EXPECT_EQ(ParseDataFlag("x=" + odd)->file, odd);
  EXPECT_EQ(ParseDataFlag("x=" + odd + ":Validation")->file, odd);
  EXPECT_EQ(ParseDataFlag("x=s3:bucket/a.csv")->file, "s3:bucket/a.csv");
  EXPECT_THAT(Wrong(ParseDataFlag("x=a.csv:tset")),
              HasSubstr("--data x: role must be training, validation or test, is 'tset'"));
  EXPECT_THAT(Wrong(ParseDataFlag("a.csv")), HasSubstr("must be NAME=FILE[:role]"));
}

// --- lock files ---

TEST_F(ReleaseInputs, ALockFileNamesWhatItLeavesOpen) {
  const auto lock = ReadLockFile(Put("requirements.txt",
                                     "# comment\n--index-url https://index.example\n"
                                     "a==1.0 \\\n    --hash=sha256:00\nb>=2\nc==1.*\nd==1,!=2\n"
                                     "e @ https://x.example/e.whl#sha256=" +
                                         std::string(64, '0') +
                                         "\n"
                                         "f @ https://x.example/f.whl\n-r other.txt\n"
                                         "g>=1; python_version == '3.11'\nh==2; extra == 'x'\n"));
  ASSERT_TRUE(lock) << Wrong(lock);
  EXPECT_THAT(lock->unpinned,
              ElementsAre("b>=2", "c==1.*", "d==1,!=2", "f @ https://x.example/f.whl",
                          "-r other.txt", "g>=1; python_version == '3.11'"));
}

TEST_F(ReleaseInputs, ALockFileOfAResolverIsRead) {
  const auto lock = ReadLockFile(Put("uv.lock",
                                     "version = 1\n[[package]]\nname = 'mylib'\nversion = '1'\n"
                                     "source = { editable = '../mylib' }\n"));
  ASSERT_TRUE(lock) << Wrong(lock);
  EXPECT_THAT(lock->unpinned, ElementsAre("mylib 1 (editable ../mylib)"));
  EXPECT_THAT(Wrong(ReadLockFile(Put("poetry.lock", "anything"))),
              HasSubstr("poetry.lock: is no TOML at line 1"));
  EXPECT_THAT(Wrong(ReadLockFile(Put("setup.py", "x"))),
              HasSubstr("--lock-file setup.py: must be one of"));
}

// --- MLflow ---

TEST_F(ReleaseInputs, ARunGivesTheLastStepOfEachMetric) {
  Put("run/meta.yaml", "status: 3\nend_time: 1763500000123\n");
  Put("run/params/depth", "4");
  Put("run/metrics/auc", "100 0.5 0\n300 0.9 2\n200 0.7 1\n");
  Put("run/metrics/val/loss", "100 nan\n");
  Put("run/tags/mlflow.source.git.commit", "abc");
  const auto run = ReadMlflowRun((folder_ / "run").string());
  ASSERT_TRUE(run) << Wrong(run);
  EXPECT_EQ(FormatMicroTime(run->ended), "2025-11-18T21:06:40.123000Z");
  EXPECT_THAT(run->parameters, ElementsAre(Pair("depth", "4")));
  EXPECT_THAT(run->metrics, ElementsAre(Pair("auc", "0.9"), Pair("val/loss", "nan")));
  EXPECT_EQ(run->commit, "abc");
}

TEST_F(ReleaseInputs, ARunThatDidNotFinishIsNotRead) {
  const auto wrong = [&](const std::string& meta) {
    Put("run/meta.yaml", meta);
    return Wrong(ReadMlflowRun((folder_ / "run").string()));
  };
  EXPECT_THAT(wrong("status: 1\nend_time: 1\n"), HasSubstr("must be a run that has finished"));
  EXPECT_THAT(wrong("status: FINISHED\n"), HasSubstr("end_time: must be when the run ended"));
  EXPECT_THAT(Wrong(ReadMlflowRun((folder_ / "none").string())), HasSubstr("none"));
  Put("empty/params/depth", "4");
  EXPECT_THAT(Wrong(ReadMlflowRun((folder_ / "empty").string())), HasSubstr("with meta.yaml"));
}

TEST_F(ReleaseInputs, WhoStartedTheRunPerformedIt) {
  ReleaseFrame frame;
  frame.run = MlflowRun{};
  frame.run->users = {"dora", "Dora Smith"};
  ReleaseSpec spec;
  std::vector<std::string> notes;
  EXPECT_THAT(SnapshotSpecOf(spec, frame, notes)->performed_by, ElementsAre("dora"));
  EXPECT_THAT(notes, ElementsAre(HasSubstr("started by 'Dora Smith'")));
  spec.performed_by = {"dsmith@bank.example"};
  notes.clear();
  EXPECT_THAT(SnapshotSpecOf(spec, frame, notes)->performed_by,
              ElementsAre("dora", "dsmith@bank.example"));
  EXPECT_THAT(notes, IsEmpty());
  frame.run->users.clear();
  spec.performed_by.clear();
  EXPECT_TRUE(SnapshotSpecOf(spec, frame, notes));
  EXPECT_THAT(notes, ElementsAre(HasSubstr("does not say who started it")));
  spec.performed_by = {"Dora Smith"};
  EXPECT_THAT(Wrong(SnapshotSpecOf(spec, frame, notes)), HasSubstr("--performed-by"));
}

// --- git ---

TEST_F(ReleaseInputs, GitSaysTheCommitAndWhetherTheTreeIsAsCommitted) {
  const std::string git = "git -C '" + folder_.string() +
                          "' -c user.name=a -c user.email=a@b.example -c init.defaultBranch=main ";
  const auto call = [&](const std::string& what) {
    return std::system((git + what + " >/dev/null 2>&1").c_str());  // NOLINT(concurrency-mt-unsafe)
  };
  ASSERT_EQ(call("init"), 0);
  EXPECT_THAT(Wrong(ReadGitState(folder_.string())), HasSubstr("with a commit"));
  Put("a", "x");
  ASSERT_EQ(call("add ."), 0);
  ASSERT_EQ(call("commit -m x"), 0);
  ASSERT_EQ(call("remote add origin https://user:secret@git.example/a"), 0);
  const auto clean = ReadGitState(folder_.string());
  ASSERT_TRUE(clean) << Wrong(clean);
  EXPECT_TRUE(clean->clean);
  EXPECT_EQ(clean->commit.size(), 40U);
  EXPECT_EQ(clean->origin, "https://git.example/a");
  Put("b", "y");
  const auto dirty = ReadGitState(folder_.string());
  ASSERT_TRUE(dirty);
  EXPECT_FALSE(dirty->clean);
  EXPECT_EQ(dirty->changes, "?? b");
}

TEST_F(ReleaseInputs, GitNamesAuthorsAndCoAuthors) {
  const std::string git = "git -C '" + folder_.string() + "' -c init.defaultBranch=main ";
  const auto call = [&](const std::string& what) {
    return std::system((git + what + " >/dev/null 2>&1").c_str());  // NOLINT(concurrency-mt-unsafe)
  };
  const std::string by = "-c user.name=a -c user.email=";
  ASSERT_EQ(call("init"), 0);
  Put("a", "x");
  ASSERT_EQ(call("add ."), 0);
  ASSERT_EQ(call(by + "z@b.example commit -m 'x\n' -m 'Co-authored-by: Dora <dora@b.example>' "),
            0);
  ASSERT_EQ(call(by + "z@b.example commit --allow-empty -m empty"), 0);
  const auto few = ReadGitState(folder_.string());
  ASSERT_TRUE(few) << Wrong(few);
  EXPECT_THAT(few->authors, ElementsAre("dora@b.example", "z@b.example"));
  EXPECT_THAT(few->notes, IsEmpty());

  std::string message = "y";
  for (int i = 0; i < 128; ++i) {
    message += (i == 0 ? "\n\n" : "\n") + std::string("Co-authored-by: A <a") + std::to_string(i) +
               "@b.example>";
  }
  Put("a", "y");
  Put("message", message + "\nCo-authored-by: Nobody\n");
  const std::string commit = "-a -F '" + (folder_ / "message").string() + "'";
  ASSERT_EQ(call(by + "z@b.example commit " + commit), 0);
  const auto many = ReadGitState(folder_.string());
  ASSERT_TRUE(many) << Wrong(many);
  EXPECT_EQ(many->authors.size(), 128U);
  EXPECT_THAT(many->authors, Contains("z@b.example")) << "who has the most commits";
  EXPECT_THAT(many->notes, ElementsAre(HasSubstr("has 130 authors"),
                                       HasSubstr("1 authors or co-authors without an e-mail")));

  const std::string shallow = (folder_ / "shallow").string();
  ASSERT_EQ(call("clone --depth 1 'file://" + folder_.string() + "' '" + shallow + "'"), 0);
  const auto cut = ReadGitState(shallow);
  ASSERT_TRUE(cut) << Wrong(cut);
  EXPECT_THAT(cut->notes, Contains(HasSubstr("is a shallow clone")));
}

}  // namespace
}  // namespace countersign
