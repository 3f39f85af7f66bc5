#include "kube/object_store.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace countersign {
namespace {

const ObjectKey kA{"ns", "a"};
const ObjectKey kB{"ns", "b"};

StoredObject Object(const std::string& version, const std::string& value = "v",
                    const std::string& uid = "u") {
  return {uid, version, std::make_shared<const std::string>(value), nullptr};
}
StoredObject Broken(const std::string& version) {
  return {"u", version, nullptr,
          std::make_shared<const Error>(Error{Code::kInternal, "x", {}, {}})};
}
std::string Text(const std::shared_ptr<const void>& value) {
  return *static_cast<const std::string*>(value.get());
}

class ObjectStoreTest : public testing::Test {
 protected:
  ObjectStoreTest() {
    store_.AddIndex("first", [](const void* value) {
      const auto& text = *static_cast<const std::string*>(value);
      return text.empty() ? std::vector<std::string>() : std::vector{text.substr(0, 1)};
    });
  }
  std::vector<std::string> Indexed(const std::string& value) {
    std::vector<std::string> out;
    for (const auto& object : store_.ByIndex("first", value)) out.push_back(Text(object));
    return out;
  }
  std::string VersionOf(const ObjectKey& key) {
    const auto stored = store_.Get(key);
    return stored ? stored->resource_version : "";
  }

  ObjectStore store_;
};

TEST_F(ObjectStoreTest, ChangesSayWhatWasAndWhatIs) {
  auto change = store_.Put(kA, Object("1", "one"));
  ASSERT_TRUE(change);
  EXPECT_FALSE(change->before);
  EXPECT_EQ(Text(change->after->value), "one");
  change = store_.Put(kA, Object("2", "two"));
  EXPECT_EQ(Text(change->before->value), "one");
  EXPECT_EQ(Text(change->after->value), "two");
  change = store_.Remove(kA, "u", "3");
  EXPECT_EQ(Text(change->before->value), "two");
  EXPECT_FALSE(change->after);
  EXPECT_FALSE(store_.Remove(kA, "u", "3"));
  EXPECT_EQ(store_.ResourceVersion(), "3");
}

TEST_F(ObjectStoreTest, IndexesFollowEveryChange) {
  store_.Put(kA, Object("1", "xa"));
  store_.Put(kB, Object("2", "xb"));
  EXPECT_EQ(Indexed("x"), (std::vector<std::string>{"xa", "xb"}));
  store_.Put(kA, Object("3", "ya"));
  EXPECT_EQ(Indexed("x"), std::vector<std::string>{"xb"});
  EXPECT_EQ(Indexed("y"), std::vector<std::string>{"ya"});
  store_.Put(kA, Broken("4"));
  EXPECT_TRUE(Indexed("y").empty());
  store_.Remove(kB, "u", "5");
  EXPECT_TRUE(Indexed("x").empty());
  store_.Replace({{kB, Object("6", "zb")}}, "6");
  EXPECT_EQ(Indexed("z"), std::vector<std::string>{"zb"});
  EXPECT_TRUE(store_.ByIndex("no such index", "x").empty());
}

TEST_F(ObjectStoreTest, ListsAreSortedAndBoundToTheirNamespace) {
  for (const ObjectKey& key : {ObjectKey{"b", "1"}, ObjectKey{"a", "2"}, ObjectKey{"a", "1"},
                               ObjectKey{"aa", "1"}, ObjectKey{"", "cluster"}}) {
    store_.Put(key, Object("1"));
  }
  const auto keys = [&](std::optional<std::string_view> ns) {
    std::string out;
    for (const auto& [key, object] : store_.List(ns)) out += key.ToString() + " ";
    return out;
  };
  EXPECT_EQ(keys(std::nullopt), "cluster a/1 a/2 aa/1 b/1 ");
  EXPECT_EQ(keys("a"), "a/1 a/2 ");
  EXPECT_EQ(keys("c"), "");
  EXPECT_EQ(keys(""), "cluster ");
}

TEST_F(ObjectStoreTest, UndecodableObjectsStayAndAreCounted) {
  store_.Put(kA, Broken("1"));
  store_.Put(kB, Object("2"));
  EXPECT_EQ(store_.Size(), 2u);
  EXPECT_EQ(store_.UndecodableCount(), 1u);
  EXPECT_TRUE(store_.Get(kA)->error);
  store_.Put(kA, Object("3"));
  EXPECT_EQ(store_.UndecodableCount(), 0u);
  store_.Replace({{kA, Broken("4")}, {kB, Broken("4")}}, "4");
  EXPECT_EQ(store_.UndecodableCount(), 2u);
  store_.Remove(kA, "u", "5");
  EXPECT_EQ(store_.UndecodableCount(), 1u);
}

TEST_F(ObjectStoreTest, ALiveReadThatIsNewerThanTheWatchIsTaken) {
  store_.Replace({{kA, Object("5")}}, "10");
  EXPECT_TRUE(store_.PutRead(kA, Object("11", "new")));
  EXPECT_TRUE(store_.PutRead(kB, Object("12")));
  EXPECT_FALSE(store_.PutRead(kA, Object("11", "again")));
  // The watch catches up: what it tells of before is old news.
  EXPECT_FALSE(store_.Put(kA, Object("10", "older")));
  EXPECT_FALSE(store_.Put(kA, Object("11", "same")));
  EXPECT_EQ(Text(store_.Get(kA)->value), "new");
}

TEST_F(ObjectStoreTest, ALiveReadNeverBringsBackWhatWasDeleted) {
  store_.Replace({{kA, Object("5")}}, "10");
  store_.Remove(kA, "u", "12");
  EXPECT_FALSE(store_.PutRead(kA, Object("11")));
  store_.Advance("20");
  EXPECT_FALSE(store_.PutRead(kB, Object("19")));
  EXPECT_EQ(store_.Size(), 0u);
}

TEST_F(ObjectStoreTest, ADeletionOfTheObjectBeforeDoesNotTakeItsSuccessor) {
  store_.Replace({{kA, Object("5", "v", "old")}}, "10");
  store_.PutRead(kA, Object("14", "v", "new"));
  EXPECT_FALSE(store_.Remove(kA, "old", "12"));
  EXPECT_EQ(store_.Get(kA)->uid, "new");
  // The same object, read live just before it was deleted, goes.
  EXPECT_TRUE(store_.Remove(kA, "new", "15"));
}

TEST_F(ObjectStoreTest, ReplaceTellsTheDifference) {
  store_.Put(kA, Object("1"));
  store_.Put(kB, Object("2"));
  const auto changes = store_.Replace({{kB, Object("2")}, {{"ns", "c"}, Object("3")}}, "9");
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].key, kA);
  EXPECT_FALSE(changes[0].after);
  EXPECT_EQ(changes[1].key.name, "c");
  EXPECT_FALSE(changes[1].before);
  EXPECT_EQ(store_.ResourceVersion(), "9");
}

TEST_F(ObjectStoreTest, ReplaceKeepsLiveReadsThatAreNewerThanTheList) {
  store_.Replace({}, "10");
  store_.BeginReplace();
  store_.PutRead(kA, Object("21"));
  store_.PutRead(kB, Object("15"));
  const auto changes = store_.Replace({{kB, Object("18")}}, "20");
  EXPECT_EQ(VersionOf(kA), "21");
  EXPECT_EQ(VersionOf(kB), "18");
  EXPECT_EQ(changes.size(), 1u);
}

TEST_F(ObjectStoreTest, AfterARestoreFromBackupTheListRulesThoughItLooksOlder) {
  store_.Replace({{kA, Object("900")}, {kB, Object("901")}}, "950");
  store_.BeginReplace();
  const auto changes = store_.Replace({{kA, Object("400")}}, "500");
  EXPECT_EQ(changes.size(), 2u);
  EXPECT_EQ(VersionOf(kA), "400");
  EXPECT_EQ(VersionOf(kB), "");
  EXPECT_EQ(store_.ResourceVersion(), "500");
  EXPECT_TRUE(store_.Put(kA, Object("501")));
}

}  // namespace
}  // namespace countersign
