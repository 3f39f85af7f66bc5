// MLflow runs, MLmodel, dvc.lock and lock files: parts of a snapshot.

#include "importers/snapshot.h"

#include <gmock/gmock.h>

#include "importers/lock_file.h"
#include "tests/unit/importers/samples.h"

namespace countersign::importing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

const ReproducibilitySnapshotSpec& Snapshot(const Result<Imported>& imported) {
  static const ReproducibilitySnapshotSpec kNone;
  EXPECT_TRUE(imported) << Wrong(imported);
  return imported ? std::get<ReproducibilitySnapshotSpec>(imported->spec) : kNone;
}

Result<Imported> ImportRun(const std::map<std::string, std::string>& entries) {
  std::vector<ImportText> files;
  for (const auto& [name, text] : entries) files.push_back({name, text});
  return Import(*FindImportFormat("mlflow-run"), files, {});
}

std::map<std::string, std::string> RunEntries() {
  std::map<std::string, std::string> entries;
  for (const char* name :
       {"meta.yaml", "params/C", "params/solver", "metrics/accuracy", "tags/mlflow.source.name",
        "tags/mlflow.source.git.commit", "tags/mlflow.user"}) {
    entries[name] = Sample("mlflow3/run/" + std::string(name));
  }
  return entries;
}

// --- MLflow ---

TEST(MlflowRun, GivesParametersLastMetricsAndItsEnd) {
  const auto imported = ImportRun(RunEntries());
  const auto& snapshot = Snapshot(imported);
  EXPECT_THAT(snapshot.parameters, ElementsAre(Pair("C", "0.5"), Pair("solver", "lbfgs")));
  EXPECT_EQ(snapshot.metrics.at("accuracy").ToString(), "0.875");
  EXPECT_EQ(imported->run.id, "fd503cfa13824cd2ae6ab202bc9db8ab");
  EXPECT_EQ(imported->run.entry_point, "train.py");
  EXPECT_THAT(imported->run.users, ElementsAre("root", "dora")) << "account and tag";
  EXPECT_EQ(imported->run.commit.size(), 40U);
  EXPECT_EQ(FormatTime(*imported->performed_at), "2026-11-29T10:22:31Z");
}

TEST(MlflowRun, WhatDidNotFinishOrIsNoNumberIsRefused) {
  const auto changed = [](const std::string& name, const std::string& text) {
    auto entries = RunEntries();
    entries[name] = text;
    return Wrong(ImportRun(entries));
  };
  EXPECT_THAT(changed("meta.yaml", "status: 1\nend_time: 1\n"),
              HasSubstr("must be a run that has finished"));
  EXPECT_THAT(changed("meta.yaml", "status: 3\nend_time: 99999999999999999\n"),
              HasSubstr("end_time"));
  EXPECT_THAT(changed("meta.yaml", "status: 3\nend_time: 1763500000\n"),
              HasSubstr("end_time: must be when the run ended, in milliseconds since 1970"))
      << "these are seconds";
  EXPECT_THAT(
      changed("meta.yaml", "status: 3\nstart_time: 1763500000124\nend_time: 1763500000123\n"),
      HasSubstr("end_time: must not be before start_time, 1763500000124"));
  EXPECT_THAT(changed("meta.yaml", "status: [3"), HasSubstr("meta.yaml"));
  EXPECT_THAT(changed("metrics/accuracy", "1 nan 0\n"),
              HasSubstr("metrics/accuracy: must be a finite"));
  EXPECT_THAT(changed("metrics/accuracy", "1 1e300 0\n"), HasSubstr("metrics/accuracy"));
  EXPECT_THAT(changed("metrics/accuracy", "x\n"), HasSubstr("'timestamp value step'"));
  EXPECT_THAT(changed("metrics/accuracy", ""), HasSubstr("has no value"));
  EXPECT_THAT(Wrong(ImportRun({{"params/C", "1"}})), HasSubstr("meta.yaml"));
}

// The same run, as its folder, as the command line prints it and as a server answers.
TEST(MlflowRun, OfAServerIsTheSame) {
  auto entries = RunEntries();
  const auto folder = ImportRun(entries);
  for (const char* sample : {"mlflow3/run.json", "mlflow3/run-get.json"}) {
    const auto imported = ImportRun({{"run.json", Sample(sample)}});
    const auto& snapshot = Snapshot(imported);
    EXPECT_EQ(snapshot.parameters, Snapshot(folder).parameters) << sample;
    EXPECT_EQ(snapshot.metrics.at("accuracy").ToString(), "0.875") << sample;
    EXPECT_EQ(imported->run.id, folder->run.id) << sample;
    EXPECT_EQ(imported->run.commit, folder->run.commit) << sample;
    EXPECT_EQ(imported->run.entry_point, folder->run.entry_point) << sample;
    EXPECT_EQ(imported->run.users, folder->run.users) << sample;
    EXPECT_EQ(imported->performed_at, folder->performed_at) << sample;
  }
}

TEST(MlflowRun, OfAServerThatSaysTooLittleIsRefused) {
  const auto with = [](const std::string& info, const std::string& data) {
    return Wrong(ImportRun({{"run.json", R"({"info": )" + info + R"(, "data": )" + data + "}"}}));
  };
  const std::string ended = R"({"status": "FINISHED", "end_time": 1763500000123})";
  EXPECT_EQ(with(ended, "{}"), "");
  EXPECT_THAT(with(R"({"status": "RUNNING", "end_time": null})", "{}"),
              HasSubstr("info.status: must be a run that has finished"));
  EXPECT_THAT(with(R"({"status": "FINISHED"})", "{}"), HasSubstr("info.end_time"));
  EXPECT_THAT(with(R"({"status": "FINISHED", "end_time": 1763500000123,
                       "lifecycle_stage": "deleted"})",
                   "{}"),
              HasSubstr("info.lifecycle_stage: must be active, is 'deleted'"));
  EXPECT_THAT(with(ended, R"({"metrics": {"auc": "NaN"}})"),
              HasSubstr("metrics/auc: must be a finite"));
  EXPECT_THAT(with(ended, R"({"metrics": {"auc": null}})"),
              HasSubstr("data.metrics.auc: must be a number"));
  EXPECT_THAT(
      with(ended, R"({"params": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]})"),
      HasSubstr("data.params[1].key: 'a' is there twice"));
  EXPECT_THAT(with(ended, R"({"params": [{"key": "a"}]})"),
              HasSubstr("data.params[0]: must have key and value"));
  EXPECT_THAT(with(ended, R"({"params": 3})"), HasSubstr("data.params: must be an object"));
  EXPECT_THAT(Wrong(ImportRun({{"run.json", "{}"}})), HasSubstr("must have info and data"));
  EXPECT_THAT(Wrong(ImportRun({{"run.json", "status: 3"}})), HasSubstr("mlflow runs describe"));
}

TEST(MlModel, OfThreeGenerations) {
  for (const auto& [folder, version] :
       {std::pair{"mlflow1", "1.30.1"}, {"mlflow2", "2.22.0"}, {"mlflow3", "3.17.2"}}) {
    const auto imported = ImportText1("mlmodel", Sample(std::string(folder) + "/MLmodel"));
    EXPECT_THAT(Snapshot(imported).features->names, ElementsAre("age", "income")) << folder;
    EXPECT_EQ(imported->tool_version, version);
    EXPECT_EQ(imported->run.runtime, "Python 3.11.7") << folder;
    EXPECT_EQ(imported->run.id.size(), 32U) << folder;
    EXPECT_TRUE(imported->performed_at) << folder;
  }
}

TEST(MlModel, WhatItDoesNotSayIsTold) {
  const auto bare = ImportText1(
      "mlmodel", "flavors: {sklearn: {sklearn_version: 1.5.2}}\nmlflow_version: 2.21.3\n");
  EXPECT_FALSE(Snapshot(bare).features);
  EXPECT_THAT(bare->notes,
              AllOf(Contains(HasSubstr("names no run")), Contains(HasSubstr("signature"))));
  const auto spaces = ImportText1(
      "mlmodel",
      R"({flavors: {}, signature: {inputs: '[{"name": "Plasma Glucose", "type": "long"}]'}})");
  EXPECT_FALSE(Snapshot(spaces).features);
  EXPECT_THAT(spaces->notes, Contains(HasSubstr("'Plasma Glucose' is not one word")));
  const auto tensor =
      ImportText1("mlmodel", R"({flavors: {}, signature: {inputs: '[{"type": "tensor"}]'}})");
  EXPECT_FALSE(Snapshot(tensor).features);
}

TEST(MlModel, OtherFilesAreRefused) {
  EXPECT_THAT(Wrong(ImportText1("mlmodel", "name: conda\n")), HasSubstr("in: flavors"));
  EXPECT_THAT(Wrong(ImportText1("mlmodel", "flavors: {}\nutc_time_created: yesterday\n")),
              HasSubstr("in: utc_time_created"));
  EXPECT_THAT(Wrong(ImportText1("mlmodel", "flavors: {}\nsignature: {inputs: '[{'}\n")),
              HasSubstr("in: signature.inputs"));
  EXPECT_THAT(Wrong(ImportText1("mlmodel", "flavors: {}\nflavors: {}\n")), HasSubstr("in: "));
}

// --- DVC ---

TEST(DvcLock, TheStageIsAskedFor) {
  const std::string text = Sample("dvc.lock");
  EXPECT_THAT(Wrong(ImportText1("dvc-lock", text)),
              HasSubstr("--stage: must be the stage that trained the model: prepare, train"));
  ImportOptions options;
  options.stage = "train";
  const auto imported = ImportText1("dvc-lock", text, options);
  EXPECT_THAT(Snapshot(imported).parameters,
              ElementsAre(Pair("train.C", "0.5"), Pair("train.solver", "lbfgs")));
  EXPECT_EQ(imported->run.entry_point, "python train.py --seed 7");
  ASSERT_TRUE(imported->run.data.contains("data/prepared.csv"));
  EXPECT_EQ(imported->run.data.at("data/prepared.csv").md5, "f0de56e02ad40a069705f447c71ed7e2");
  options.stage = "serve";
  EXPECT_THAT(Wrong(ImportText1("dvc-lock", text, options)), HasSubstr("--stage"));
}

TEST(DvcLock, OtherSchemataAndShapesAreRefused) {
  EXPECT_THAT(Wrong(ImportText1("dvc-lock", "train: {cmd: x}\n")), HasSubstr("in: schema"));
  EXPECT_THAT(Wrong(ImportText1("dvc-lock", "schema: '2.0'\nstages: {}\n")),
              HasSubstr("in: stages"));
  EXPECT_THAT(Wrong(ImportText1("dvc-lock", "schema: '2.0'\nstages: {a: {deps: []}}\n")),
              HasSubstr("cmd"));
  EXPECT_THAT(Wrong(ImportText1(
                  "dvc-lock",
                  "schema: '2.0'\nstages: {a: {cmd: x, deps: [{path: p, md5: m, size: -1}]}}\n")),
              HasSubstr("deps[0].size"));
  EXPECT_THAT(Wrong(ImportText1("dvc-lock", "schema: '2.0'\nstages: {a: {cmd: x, params: [1]}}\n")),
              HasSubstr("params"));
}

// --- lock files ---

TEST(LockFile, CondaPinsByBuildAlone) {
  const auto open = UnpinnedIn("conda.yaml", Sample("mlflow2/conda.yaml"));
  ASSERT_TRUE(open) << Wrong(open);
  EXPECT_THAT(*open, ElementsAre("python=3.11.7", "pip<=23.2.1", "cloudpickle"));
  EXPECT_THAT(
      *UnpinnedIn("environment.yml", "dependencies: [numpy=2.1.0=py311_0, python==3.11.7]\n"),
      IsEmpty());
  EXPECT_THAT(*UnpinnedIn("environment.yml",
                          "dependencies: ['numpy==2.1.0=py311_0', 'c::numpy ==2.1.0 py311_0']\n"),
              IsEmpty());
  EXPECT_THAT(
      *UnpinnedIn("environment.yml",
                  "dependencies: ['a==', 'b=1.2=', 'c==1.2=', 'd #=1=2', 'e#=1=2', 'f==^1$',"
                  "'g[md5=x][sha256=y]']\n"),
      ElementsAre("a==", "b=1.2=", "c==1.2=", "d #=1=2", "e#=1=2", "f==^1$", "g[md5=x][sha256=y]"));
  EXPECT_THAT(*UnpinnedIn("environment.yml",
                          "dependencies: [{pip: [\"a==1 # x\\fb>=1\", \"c==1\\n-e ./d\"]}]\n"),
              ElementsAre("b>=1", "-e ./d"))
      << "conda hands the lines to pip";
  EXPECT_THAT(Wrong(UnpinnedIn("conda.yaml", "name: x\n")), HasSubstr("dependencies"));
  EXPECT_THAT(Wrong(UnpinnedIn("conda.yaml", "dependencies: [{npm: [x]}]\n")),
              HasSubstr("a list 'pip'"));
}

TEST(LockFile, ExplicitUrlsNeedTheirHash) {
  const std::string at = "https://c.example/a-1.conda";
  const std::string hashed = at + "#" + std::string(32, 'a') + "\n" + at + "#" +
                             std::string(64, 'b') + "\n" + at + "#sha256:" + std::string(64, 'c');
  EXPECT_THAT(*UnpinnedIn("conda-linux.txt", "@EXPLICIT\n" + hashed), IsEmpty());
  for (const std::string& open :
       {at, at + "  # latest", at + "#latest", at + "#abc", at + " # " + std::string(32, 'a'),
        at + "#" + std::string(40, 'a')}) {
    EXPECT_THAT(*UnpinnedIn("conda-linux.txt", "@EXPLICIT\n" + open + "\n"), ElementsAre(open));
  }
}

TEST(LockFile, HashesOfPipAndWholeFormats) {
  const std::string text =
      "numpy==2.1.0 \\\n    --hash=sha256:aa\n-r other.txt\npandas>=2\n# note\n--index-url "
      "https://x\n";
  EXPECT_THAT(*UnpinnedIn("requirements.txt", text), ElementsAre("-r other.txt", "pandas>=2"));
  const std::string project =
      "version = 1 # \xD1\xA0\n[[package]]\nname = \"a\"\nsource = { virtual = \".\" }\n";
  EXPECT_THAT(*UnpinnedIn("uv.lock", "# für \xD1\xA0\n" + project), IsEmpty());
  EXPECT_THAT(Wrong(UnpinnedIn("uv.lock", "version = 1\nJ\xD1\xA0\n")), HasSubstr("is no TOML"));
  EXPECT_THAT(Wrong(UnpinnedIn("setup.py", "")), HasSubstr("uv.lock"));
}

const std::string kCommit(40, 'a');

TEST(LockFile, ABranchIsNotPinnedByAHashBesideIt) {
  EXPECT_THAT(*UnpinnedIn("requirements.txt",
                          "a @ git+https://h/a.git@main#sha256=00\n"
                          "b @ git+https://h/b.git@" +
                              kCommit + "\n"),
              ElementsAre("a @ git+https://h/a.git@main#sha256=00"));
}

TEST(LockFile, WhatIsBesideARequirementPinsNothing) {
  const std::string sha256(64, 'b');
  for (const std::string& pinned :
       {std::string("a == 1.0"), std::string("a[x,y]==1.0; python_version > '3'"),
        std::string("a===1!2.0+cpu  # because"), "a @ https://h/a.whl --hash=sha256:" + sha256,
        "a @ https://h/a.whl#sha256=" + sha256 + " ; python_version > '3'",
        "https://h/a.whl#egg=a&sha256=" + sha256,
        "git+https://t@h/a.git@" + kCommit + "#subdirectory=x ; python_version > '3'"}) {
    EXPECT_THAT(*UnpinnedIn("requirements.txt", pinned + "\n"), IsEmpty()) << pinned;
  }
  for (const std::string& open :
       {"a @ git+https://h/r@main  # was @" + kCommit,
        "a @ git+https://h/r@main ; python_version > '@" + kCommit + "'",
        "a @ git+https://h/r@main#egg=@" + kCommit, "a @ git+https://h/r@main?x=@" + kCommit,
        std::string("a @ https://h/a.whl  # --hash=none"),
        std::string("a @ https://h/a.whl --hash=none"),
        std::string("a @ https://h/a.whl --hash=sha256:aa"),
        "a @ https://h/a.whl  # #sha256=" + sha256, std::string("a @ https://h/a.whl#sha256=00"),
        std::string("a>=1  # ==2"), std::string("a>=1 --config-settings=x==1"),
        std::string("a==${VERSION}"), std::string("a==1.*"), std::string("a==1,>0")}) {
    EXPECT_THAT(*UnpinnedIn("requirements.txt", open + "\n"), ElementsAre(open)) << open;
  }
  // A comment does not go on, whatever it ends with.
  EXPECT_THAT(*UnpinnedIn("requirements.txt", "# note \\\npandas>=2\n"), ElementsAre("pandas>=2"));
}

// pip reads lines by str.splitlines() of Python, and so ends comments where nobody sees it.
TEST(LockFile, ACommentEndsWherePipHasItEnd) {
  for (const char* end : {"\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\xC2\x85",
                          "\xE2\x80\xA8", "\xE2\x80\xA9"}) {
    EXPECT_THAT(*UnpinnedIn("requirements.txt", std::string("a==1  # via b") + end + "c>=1\n"),
                ElementsAre("c>=1"));
  }
  EXPECT_THAT(*UnpinnedIn("requirements.txt", "a==1 # f\xC3\xBCr\xE2\x80\xA6\n"), IsEmpty());
  // What a backslash continues goes on without a space between.
  EXPECT_THAT(*UnpinnedIn("requirements.txt", "a==1\n-\\\nr other.txt\n"),
              ElementsAre("-r other.txt"));
  EXPECT_THAT(*UnpinnedIn("requirements.txt", "a=\\\n=1\n"), IsEmpty());
}

// pip reads a file in the encoding that one of its first two lines names (PEP 263): in UTF-7 the
// second package stands on a line of its own.
TEST(LockFile, InAnotherEncodingItIsRefused) {
  const std::string hiding = "numpy==1.26.4 # x+AAo-pandas>=1\n";
  for (const char* cookie : {"# coding: utf-7\n", "# -*- coding: utf-7 -*-\n",
                             "a==1\n# vim: set fileencoding=utf-7 :\n"}) {
    const auto read = UnpinnedIn("requirements.txt", cookie + hiding);
    ASSERT_FALSE(read) << cookie;
    EXPECT_THAT(read.error().ToString(), HasSubstr("must be in UTF-8, says that it is in 'utf-7'"));
  }
  for (const char* fine : {"# coding: utf-8\n", "# coding: UTF8\n", "# coding: us-ascii\n",
                           "a==1\nb==1\n# coding: utf-7\n", "a==1  # coding: utf-7\n"}) {
    EXPECT_THAT(*UnpinnedIn("requirements.txt", fine + hiding), IsEmpty()) << fine;
  }
}

TEST(LockFile, OptionsHideNoDependency) {
  for (const char* hiding :
       {"--extra-index-url https://x/ -r other.txt", "--pre -r other.txt",
        "--find-links https://x/wheels -e ./lk", "--edit ./lk", "--requirem other.txt",
        "--constr=other.txt", "--pre --editable=./lk", "--pre '-r' other.txt",
        "--pre \\-r other.txt", "-r other.txt", "-rother.txt", "--pre other.txt",
        "--index-url -r other.txt", "--pre ${MORE}", "-Zr other.txt"}) {
    EXPECT_THAT(*UnpinnedIn("requirements.txt", "a==1\n" + std::string(hiding) + "\n"),
                ElementsAre(hiding));
  }
  for (const char* harmless :
       {"--index-url https://x -f ./wheels --pre", "-i https://x", "-ihttps://x",
        "--extra-index-url https://${USER}:${PASSWORD}@x/simple", "--no-binary=:all:",
        "--trusted-host x --only-binary :all: # -r other.txt", "--require-hashes"}) {
    EXPECT_THAT(*UnpinnedIn("requirements.txt", "a==1\n" + std::string(harmless) + "\n"), IsEmpty())
        << harmless;
  }
}

TEST(LockFile, NpmsPackagesHideNoDependencies) {
  const auto open = [](const std::string& packages) {
    return *UnpinnedIn("package-lock.json", R"({"lockfileVersion": 2, "packages": )" + packages +
                                                R"(, "dependencies": {"a": {"version": "1.0.0",
      "dependencies": {"b": {"version": "file:../b"}}}}})");
  };
  EXPECT_THAT(open("{}"), ElementsAre("a (1.0.0 without a hash)", "b (file:../b without a hash)"));
  EXPECT_THAT(open(R"({"": {}})"), SizeIs(2));
  EXPECT_THAT(open(R"({"node_modules/a": {"integrity": "sha512-00"}})"),
              ElementsAre("b (file:../b without a hash)"));
  EXPECT_THAT(open(R"({"node_modules/a": {"integrity": "sha512-00"},
                       "node_modules/a/node_modules/b": {"integrity": "sha512-00"}})"),
              IsEmpty());
}

TEST(LockFile, CondaLocksListOfUrlsIsKnownByItsContent) {
  const std::string text =
      "# platform: linux-64\n@EXPLICIT\nhttps://c.example/a-1.conda#" + std::string(32, 'a') + "\n";
  EXPECT_THAT(*UnpinnedIn("conda-linux-64.lock", text), IsEmpty());
  EXPECT_THAT(Wrong(UnpinnedIn("conda-linux-64.lock", "numpy\n")), HasSubstr("@EXPLICIT"));
}

TEST(LockFile, UvLeavesFoldersAndBranchesOpen) {
  const std::string text = R"(version = 1
[[package]]
name = "project"
source = { editable = "." }
[[package]]
name = "numpy"
version = "2.1.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "mylib"
version = "0.1"
source = { editable = "../mylib" }
[[package]]
name = "branch"
version = "1"
source = { git = "https://h/g?rev=main" }
[[package]]
name = "commit"
version = "1"
source = { git = "https://h/g?rev=main#)" +
                           kCommit + R"(" }
[[package]]
name = "archive"
version = "1"
source = { url = "https://h/a.whl" }
wheels = [{ url = "https://h/a.whl", hash = "sha256:00" }]
[[package]]
name = "moving"
version = "1"
source = { url = "https://h/b.whl" }
wheels = [{ url = "https://h/b.whl" }]
)";
  EXPECT_THAT(*UnpinnedIn("uv.lock", text),
              ElementsAre("mylib 0.1 (editable ../mylib)",
                          "branch 1 (git https://h/g?rev=main without a commit)",
                          "moving 1 (url https://h/b.whl without a hash)"));
}

TEST(LockFile, PoetryAndPdmLeaveFoldersAndBranchesOpen) {
  EXPECT_THAT(*UnpinnedIn("poetry.lock", R"(
[[package]]
name = "numpy"
version = "2.1.0"
[[package]]
name = "mylib"
version = "0.1"
[package.source]
type = "directory"
url = "../mylib"
[[package]]
name = "g"
version = "1"
[package.source]
type = "git"
url = "https://h/g"
reference = "main"
resolved_reference = ")" + kCommit + R"("
[[package]]
name = "archive"
version = "1"
files = [{ file = "a.whl", hash = "sha256:00" }]
[package.source]
type = "url"
url = "https://h/a.whl"
[metadata]
content-hash = "00"
)"),
              ElementsAre("mylib 0.1 (directory ../mylib)"));
  EXPECT_THAT(
      *UnpinnedIn("pdm.lock", R"(
[metadata]
content_hash = "sha256:00"
[[package]]
name = "numpy"
version = "2.1.0"
[[package]]
name = "mylib"
version = "0.1"
editable = true
path = "./mylib"
[[package]]
name = "g"
version = "1"
git = "https://h/g"
revision = "main"
)"),
      ElementsAre("mylib 0.1 (editable ./mylib)", "g 1 (git https://h/g without a commit)"));
}

TEST(LockFile, OtherResolversLeaveFoldersAndBranchesOpen) {
  EXPECT_THAT(
      *UnpinnedIn("Pipfile.lock", R"({"_meta": {"hash": {"sha256": "00"}}, "default": {
      "a": {"version": "==1.0"}, "b": {"path": ".", "editable": true}, "c": {"path": "../c"},
      "d": {"git": "https://h/d", "ref": "main"}}, "develop": {"e": {"version": "*"}}})"),
      ElementsAre("c (path ../c)", "d (git https://h/d without a commit)", "e (version '*')"));
  EXPECT_THAT(*UnpinnedIn("package-lock.json", R"({"lockfileVersion": 3, "packages": {
      "": {"name": "project"}, "node_modules/a": {"version": "1.0.0", "integrity": "sha512-00"},
      "lib": {"version": "1.0.0"}, "node_modules/lib": {"resolved": "lib", "link": true}}})"),
              ElementsAre("node_modules/lib (link lib)"));
  EXPECT_THAT(*UnpinnedIn("package-lock.json", R"({"lockfileVersion": 1, "dependencies": {
      "a": {"version": "1.0.0", "integrity": "sha512-00", "dependencies": {
        "b": {"version": "file:../b"}}}}})"),
              ElementsAre("b (file:../b without a hash)"));
  EXPECT_THAT(*UnpinnedIn("Cargo.lock", R"(version = 3
[[package]]
name = "project"
version = "0.1.0"
dependencies = ["serde", "local"]
[[package]]
name = "serde"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
[[package]]
name = "local"
version = "0.1.0"
)"),
              ElementsAre("local 0.1.0 (path)"));
  EXPECT_THAT(*UnpinnedIn("conda-lock.yml", R"({version: 1, package: [
      {name: a, version: 1.10, url: "https://c/a.conda", hash: {md5: "00"}},
      {name: b, version: "1", url: "https://c/b.conda"}]})"),
              ElementsAre("b 1 (https://c/b.conda without a hash)"));
  EXPECT_THAT(*UnpinnedIn("pixi.lock", R"({version: 6, packages: [
      {conda: "https://c/a.conda", sha256: "00"}, {pypi: ./, sha256: "00", editable: true},
      {pypi: ./lib, sha256: "00", editable: true}, {pypi: "git+https://h/g@main"}]})"),
              ElementsAre("./lib (path)", "git+https://h/g@main (without a hash)"));
  EXPECT_THAT(*UnpinnedIn("pylock.toml", R"(lock-version = "1.0"
packages = [{ name = "a", wheels = [{ url = "https://h/a", hashes = { sha256 = "00" } }] },
            { name = "b", directory = { path = "../b" } },
            { name = "c", vcs = { type = "git", url = "https://h/c", commit-id = "main" } }])"),
              ElementsAre("b (directory ../b)", "c (git https://h/c without a commit)"));
}

TEST(LockFile, WhatIsNoLockIsRefusedWhateverItsName) {
  for (const char* name : {"poetry.lock", "uv.lock", "pdm.lock", "pylock.toml", "Pipfile.lock",
                           "conda-lock.yml", "pixi.lock", "package-lock.json", "Cargo.lock"}) {
    EXPECT_THAT(Wrong(UnpinnedIn(name, "this is not a lock")), HasSubstr(name));
    EXPECT_THAT(Wrong(UnpinnedIn(name, "")), HasSubstr(name));
  }
  EXPECT_THAT(Wrong(UnpinnedIn("uv.lock", "version = 1\n[[package]]\nversion = \"1\"\n")),
              HasSubstr("uv.lock: package[0].name"));
}

TEST(LockFile, WhatNamesNoPackagePinsNothing) {
  for (const auto& [name, text] : std::map<std::string, std::string>{
           {"requirements.txt", ""},
           {"requirements.lock", "# only a comment\n--index-url https://x\n"},
           {"conda-linux-64.lock", "# platform: linux-64\n@EXPLICIT\n"},
           {"environment.yml", "dependencies: []\n"},
           {"environment.yaml", "dependencies: [{pip: []}]\n"},
           {"uv.lock", "version = 1\n"},
           {"poetry.lock", "package = []\n[metadata]\ncontent-hash = \"00\"\n"},
           {"Pipfile.lock", R"({"_meta": {"hash": {"sha256": "00"}}, "default": {}})"},
           {"package-lock.json", R"({"lockfileVersion": 3, "packages": {"": {"name": "a"}}})"},
           {"conda-lock.yml", "{version: 1, package: []}\n"},
           {"pixi.lock", "{version: 6, packages: []}\n"},
           {"pylock.toml", "lock-version = \"1.0\"\npackages = []\n"}}) {
    const std::string said = Wrong(UnpinnedIn(name, text));
    EXPECT_THAT(said, HasSubstr("names no package, and so pins nothing")) << name;
    EXPECT_THAT(said, HasSubstr(name)) << "and which file that is";
  }
}

TEST(LockFile, OtherEncodingsAreSaidWithTheFile) {
  const std::string utf16("\xFF\xFEn\0u\0m\0p\0y\0\n\0", 14);
  EXPECT_THAT(
      Wrong(UnpinnedIn("requirements.txt", utf16)),
      AllOf(HasSubstr("requirements.txt: must be text in UTF-8, is UTF-16"), HasSubstr("iconv")));
  EXPECT_THAT(Wrong(UnpinnedIn("requirements.txt", "numpy  # f\xFCr\n")),
              HasSubstr("requirements.txt: must be text in UTF-8"));
}

TEST(LockFile, DepthOfTomlIsBounded) {
  std::string key = "a";
  for (int i = 0; i < 100'000; ++i) key += " . 'a'";
  EXPECT_THAT(Wrong(UnpinnedIn("uv.lock", key + " = 1\n")), HasSubstr("more than 32 parts"));
  EXPECT_THAT(Wrong(UnpinnedIn("uv.lock", "a = " + std::string(100'000, '['))),
              HasSubstr("nested value depth"));
}

// A value of two bytes takes a hundred, and a key of eight bytes four tables.
TEST(LockFile, MemoryOfTomlIsBounded) {
  const auto repeated = [](std::string_view text, std::size_t bytes) {
    std::string all;
    while (all.size() < bytes) all += text;
    return all;
  };
  constexpr std::size_t kMiB = std::size_t{1} << 20U;
  EXPECT_EQ(Wrong(UnpinnedIn("uv.lock", "version = 1\n# " + repeated("x", 17 * kMiB))),
            "uv.lock: must have at most 16 MiB, as a file of TOML, has 17 MiB");
  const std::string long_one = "version = 1\na = [" + repeated("0,", 4 * kMiB) + "]\n";
  EXPECT_EQ(Wrong(UnpinnedIn("uv.lock", long_one)),
            "uv.lock: has so many values that they take more than 256 MiB of memory");
  std::string dotted;
  for (int i = 0; dotted.size() < 4 * kMiB; ++i) dotted += std::to_string(i) + ".a . 'b'.c.d=0\n";
  EXPECT_THAT(Wrong(UnpinnedIn("uv.lock", dotted)), HasSubstr("more than 256 MiB of memory"));
  std::string packages = "version = 1\n";
  const std::string wheel =
      "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = "
      "\"https://pypi.org/simple\" }\nwheels = [\n    { url = "
      "\"https://files.pythonhosted.org/packages/" +
      std::string(64, 'a') +
      "/a-1-cp311-manylinux_2_17_x86_64.whl\", hash = \"sha256:" + std::string(64, 'a') +
      "\", size = 1, upload-time = \"2026-01-01T00:00:00.0Z\" },\n]\n";
  EXPECT_EQ(Wrong(UnpinnedIn("uv.lock", packages + repeated(wheel, 8 * kMiB))), "")
      << "three times the largest that anybody knows";
}

TEST(LockFile, OfADvcLockTheFormatIsNamed) {
  const std::string text = "schema: '2.0'\n";
  const ImportText file{"pipeline/dvc.lock", text};
  EXPECT_THAT(Wrong(Import(*FindImportFormat("lock-file"), {&file, 1}, {})),
              AllOf(HasSubstr("dvc.lock: must be one of"), HasSubstr("the format dvc-lock"),
                    Not(HasSubstr("--lock-file"))));
}

// --- parts of one run ---

TEST(MergeSnapshot, PartsAddUp) {
  auto whole = ImportRun(RunEntries());
  const auto model = ImportText1("mlmodel", Sample("mlflow3/MLmodel"));
  ASSERT_TRUE(MergeSnapshot(*whole, *model, "--with mlmodel"));
  EXPECT_THAT(Snapshot(whole).features->names, ElementsAre("age", "income"));
  EXPECT_EQ(whole->run.runtime, "Python 3.11.7");
  EXPECT_EQ(FormatTime(*whole->performed_at), "2026-11-29T10:22:31Z") << "the later one";
  ImportOptions options;
  options.stage = "train";
  ASSERT_TRUE(MergeSnapshot(*whole, *ImportText1("dvc-lock", Sample("dvc.lock"), options),
                            "--with dvc-lock"));
  EXPECT_EQ(whole->run.entry_point, "python train.py --seed 7") << "more than the script's name";
  EXPECT_EQ(Snapshot(whole).parameters.size(), 4U);
}

TEST(MergeSnapshot, PartsOfDifferentRunsAreRefused) {
  auto whole = ImportRun(RunEntries());
  const auto other = ImportText1("mlmodel", Sample("mlflow2/MLmodel"));
  EXPECT_THAT(MergeSnapshot(*whole, *other, "--with mlmodel").error().ToString(),
              AllOf(HasSubstr("--with mlmodel: says run"), HasSubstr("not of one run")));
  auto changed = RunEntries();
  changed["params/C"] = "0.7";
  EXPECT_THAT(MergeSnapshot(*whole, *ImportRun(changed), "x").error().ToString(),
              HasSubstr("parameter 'C'"));
  const auto report = ImportText1("k6", Sample("k6-handle-summary.json"));
  EXPECT_THAT(MergeSnapshot(*whole, *report, "x").error().ToString(),
              HasSubstr("parts of a snapshot"));
}

}  // namespace
}  // namespace countersign::importing
