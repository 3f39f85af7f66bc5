#include "cli/git_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "cli/files.h"

namespace countersign {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Repository : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "git-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    Run("git init -q && git config user.name Ana && git config user.email ana@bank.example");
    Commit("first");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Run(const std::string& script) const {
    ASSERT_EQ(std::system(("cd '" + folder_ + "' && { " + script + "; }").c_str()), 0) << script;
  }

  void Commit(const std::string& message) const {
    ASSERT_TRUE(WriteTextFile(folder_ + "/.git/message", message + "\n"));
    Run("echo x >> train.py && git add . && git commit -q -F .git/message");
  }

  // As git keeps it whose commits are signed; the repository says who looks at that.
  void Sign(const std::string& program) const {
    Run("printf '#!/bin/sh\\necho ran > " + folder_ +
        "/ran; echo \"Eve <eve@x>\"; exit 0\\n' > .git/gpg && chmod +x .git/gpg && git config "
        "gpg.program " +
        program + " && git config log.showSignature true");
    Run("{ git cat-file commit HEAD | sed '/^$/,$d'; printf 'gpgsig -----BEGIN PGP "
        "SIGNATURE-----\\n \\n aaaa\\n -----END PGP SIGNATURE-----\\n\\nsigned\\n'; } > .git/raw "
        "&& git "
        "reset -q --hard $(git hash-object -t commit -w .git/raw)");
  }

  std::string folder_;
};

TEST_F(Repository, NoSignatureIsLookedAtWhateverTheRepositorySays) {
  Sign(folder_ + "/.git/gpg");
  const auto state = ReadGitState(folder_);
  ASSERT_TRUE(state) << state.error().ToString();
  EXPECT_THAT(state->authors, ElementsAre("ana@bank.example"));
  EXPECT_TRUE(state->clean) << state->changes;
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/ran"));
}

TEST_F(Repository, CoAuthorsAreNamedAsTheMailmapNamesThem) {
  Commit("second\n\nCo-authored-by: Bo <bo@home.example>\nco-authored-by: Cy <cy@bank.example>");
  Commit("third\n\nCo-authored-by: Nobody");
  ASSERT_TRUE(WriteTextFile(folder_ + "/.mailmap", "Bo <bo@bank.example> <bo@home.example>\n"));
  const auto state = ReadGitState(folder_);
  ASSERT_TRUE(state) << state.error().ToString();
  EXPECT_THAT(state->authors,
              ElementsAre("ana@bank.example", "bo@bank.example", "cy@bank.example"));
  EXPECT_THAT(state->notes, ElementsAre(HasSubstr("without an e-mail address")));
}

TEST_F(Repository, WhatGitIsToldNotToLookAtIsNoCleanTree) {
  for (const std::string flag : {"assume-unchanged", "skip-worktree"}) {
    Run("git update-index --" + flag + " train.py && echo y >> train.py");
    const auto state = ReadGitState(folder_);
    ASSERT_TRUE(state) << state.error().ToString();
    EXPECT_FALSE(state->clean) << flag;
    EXPECT_THAT(state->changes, HasSubstr("train.py, at which git is told not to look: git "
                                          "update-index --no-assume-unchanged"))
        << flag;
    Run("git update-index --no-" + flag + " train.py && git checkout -q train.py");
    EXPECT_TRUE(ReadGitState(folder_)->clean) << flag;
  }
  // A sparse checkout has no such file.
  Run("git update-index --skip-worktree train.py && rm train.py");
  EXPECT_TRUE(ReadGitState(folder_)->clean) << ReadGitState(folder_)->changes;
}

TEST_F(Repository, WhatReplacesACommitIsNotItsTree) {
  Commit("second");
  Run("git replace HEAD HEAD~1 && git reset -q --hard HEAD");
  const auto state = ReadGitState(folder_);
  ASSERT_TRUE(state) << state.error().ToString();
  EXPECT_FALSE(state->clean);
  EXPECT_THAT(state->changes, HasSubstr("train.py"));
}

TEST_F(Repository, AWorkingTreeElsewhereIsNotTheFolders) {
  Run("mkdir ../$(basename $PWD)-tree && cp train.py ../$(basename $PWD)-tree/ && git config "
      "core.worktree \"$PWD-tree\" && echo edited >> train.py");
  const auto state = ReadGitState(folder_);
  std::filesystem::remove_all(folder_ + "-tree");
  ASSERT_FALSE(state);
  EXPECT_THAT(state.error().ToString(), HasSubstr("-tree' (core.worktree), is '" + folder_ + "'"));
}

TEST_F(Repository, WhatTheEnvironmentLeadsElsewhereIsNotRead) {
  for (const char* name : {"GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE",
                           "GIT_OBJECT_DIRECTORY", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE"}) {
    ASSERT_EQ(setenv(name, (folder_ + "/.git").c_str(), 1), 0);
    const auto state = ReadGitState(folder_);
    ASSERT_EQ(unsetenv(name), 0);
    ASSERT_FALSE(state) << name;
    EXPECT_THAT(state.error().ToString(), HasSubstr(name));
  }
  EXPECT_TRUE(ReadGitState(folder_));
}

TEST_F(Repository, ASubmoduleIsLookedAtWhateverTheRepositorySays) {
  const auto add = [&](const std::string& at) {
    Run("cd ./" + at +
        " && git init -q sub && cd sub && git config user.name Bo && git config "
        "user.email bo@lib.example && echo x > lib.py && git add . && git commit -q -m sub && "
        "cd .. && git add sub 2>/dev/null && printf '[submodule \"sub\"]\\n path = sub\\n "
        "url = ./sub\\n ignore = all\\n' > .gitmodules && git add .gitmodules && "
        "git commit -q -m 'with a submodule'");
  };
  add("");
  add("sub");
  Run("git add -f sub && git commit -q -m nested");
  auto state = ReadGitState(folder_);
  ASSERT_TRUE(state) << state.error().ToString();
  EXPECT_TRUE(state->clean) << state->changes;
  EXPECT_THAT(state->notes, ElementsAre(HasSubstr("submodule 'sub', whose authors"),
                                        HasSubstr("submodule 'sub/sub', whose authors")));
  Run("echo y >> sub/lib.py");
  EXPECT_THAT(ReadGitState(folder_)->changes, HasSubstr("M sub"));
  Run("git -C sub checkout -q lib.py && echo y >> sub/sub/lib.py");
  EXPECT_THAT(ReadGitState(folder_)->changes, HasSubstr("sub"));
  Run("git -C sub/sub update-index --assume-unchanged lib.py");
  state = ReadGitState(folder_);
  EXPECT_FALSE(state->clean);
  EXPECT_THAT(state->changes, HasSubstr("sub/sub/lib.py, at which git is told not to look"));
}

}  // namespace
}  // namespace countersign
