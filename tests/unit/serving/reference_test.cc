#include "governance/serving/reference.h"

#include <gtest/gtest.h>

namespace countersign {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');
const std::string kCommit(40, '0');

TEST(Reference, OnlyADigestAtTheEndPinsAnImage) {
  EXPECT_TRUE(NormaliseImage("r.example:5000/a/b:v1@" + kDigest).pinned);
  EXPECT_EQ(NormaliseImage("R.Example:5000/a/b:v1@" + kDigest).text,
            "r.example:5000/a/b@" + kDigest);
  EXPECT_EQ(NormaliseImage("a@" + kDigest).text, "a@" + kDigest);
  for (const std::string& image :
       {std::string("r.example/a"), std::string("r.example/a:latest"),
        "r.example/a:" + std::string(64, 'a'), "r.example/a@" + kDigest + "@" + kDigest,
        "r.example/a@" + kDigest + "#x", "r.example/a@sha256:" + std::string(64, 'A'),
        "r.example/a@sha256:" + std::string(63, 'a'), "@" + kDigest, "r.example/../a@" + kDigest,
        "r.example/a b@" + kDigest, "r.example/a\n@" + kDigest, std::string()}) {
    EXPECT_FALSE(NormaliseImage(image).pinned) << image;
    EXPECT_EQ(NormaliseImage(image).digest, "") << image;
  }
}

TEST(Reference, WaysToMountAnOciArtefactAreOne) {
  for (const char* scheme : {"oci", "oci+native", "oci+fetch", "OCI", "oci+modelcar"}) {
    const ServedReference one = NormaliseUri(std::string(scheme) + "://r.example/m:1@" + kDigest);
    EXPECT_EQ(one.text, "oci://r.example/m@" + kDigest);
    EXPECT_EQ(one.digest, kDigest);
    EXPECT_TRUE(one.pinned);
  }
  EXPECT_FALSE(NormaliseUri("oci://r.example/m:1").pinned);
}

TEST(Reference, OnlyACommitPinsAModelOfTheHub) {
  EXPECT_TRUE(NormaliseUri("hf://org/model:" + kCommit).pinned);
  for (const std::string& uri :
       {std::string("hf://org/model"), std::string("hf://org/model:main"),
        "hf://org/model@" + kCommit, "hf://model:" + kCommit, "hf://org/model/x:" + kCommit,
        "hf://org/../m:" + kCommit, "hf://org/model:" + std::string(39, '0')}) {
    EXPECT_FALSE(NormaliseUri(uri).pinned) << uri;
  }
}

TEST(Reference, WhatAStoreHoldsMayChange) {
  EXPECT_EQ(NormaliseUri("S3://bucket/key?versionId=3").text, "s3://bucket/key");
  for (const std::string& uri :
       {std::string("s3://bucket/key"), std::string("gs://bucket/") + kDigest,
        std::string("pvc://claim/path"), std::string("https://x.example/m@") + kDigest,
        std::string("file:///m"), std::string("no scheme"), std::string("://x")}) {
    EXPECT_FALSE(NormaliseUri(uri).pinned) << uri;
  }
}

TEST(Reference, APathInTheContainerNamesNothing) {
  EXPECT_EQ(NormaliseAs(ReferenceForm::kName, "/models/m", "").text, "");
  EXPECT_EQ(NormaliseAs(ReferenceForm::kName, "org/model", "").text, "hf://org/model");
  EXPECT_EQ(NormaliseAs(ReferenceForm::kName, "s3://a/b", "").text, "s3://a/b");
  EXPECT_EQ(NormaliseAs(ReferenceForm::kRoute, "svc", "").kind, ServedReference::Kind::kRoute);
  EXPECT_TRUE(NormaliseAs(ReferenceForm::kImage, "r.example/a", kDigest).pinned);
  EXPECT_FALSE(NormaliseAs(ReferenceForm::kImage, "r.example/a", "v1").pinned);
}

TEST(Reference, LongTextsAreCut) {
  EXPECT_LT(NormaliseUri("s3://" + std::string(100'000, 'x')).text.size(), 300U);
  EXPECT_FALSE(NormaliseImage(std::string(3000, 'x') + "@" + kDigest).pinned);
}

}  // namespace
}  // namespace countersign
