// What is compared is the same whether the API server has stored it yet or not, and nothing else
// is.
#include "governance/serving/running.h"

#include <gtest/gtest.h>

#include "base/yaml.h"

namespace countersign {
namespace {

struct Form {
  const char* written;
  const char* stored;  // as kube-apiserver answers
};

std::string FingerprintOf(const std::string& pod_spec) {
  const auto parsed = ParseYaml(pod_spec);
  if (!parsed) throw std::runtime_error(pod_spec + parsed.error().ToString());
  const auto running = RunsIn(*parsed);
  EXPECT_EQ(running.size(), 1U) << pod_spec;
  return running.empty() ? "" : running[0].fingerprint;
}

std::string OfContainer(const std::string& members) {
  return FingerprintOf("{containers: [{name: c, image: 'r.example/s', " + members + "}]}");
}
std::string OfVolume(const std::string& source) {
  return FingerprintOf("{volumes: [{name: v, " + source + "}]}");
}

TEST(Running, AContainerIsTheSameBeforeAndAfterItIsStored) {
  for (const Form& form : std::initializer_list<Form>{
           {"env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]",
            "env: [{name: A, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}}]"},
           {"env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}]",
            "env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: "
            "'0'}}}]"},
           {"env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 0}}}]",
            "env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: "
            "'0'}}}]"},
           {"env: [{name: A, value: ''}]", "env: [{name: A}]"},
           {"env: []", "args: null"},
           {"workingDir: ''", "command: []"},
           {"envFrom: [{prefix: '', configMapRef: {name: c}}]",
            "envFrom: [{configMapRef: {name: c}}]"},
           {"lifecycle: {preStop: {httpGet: {port: 1}}}",
            "lifecycle: {preStop: {httpGet: {port: 1, scheme: HTTP, path: /}}}"},
           {"lifecycle: {}", "args: []"},
           {"livenessProbe: {exec: {command: [a]}}",
            "livenessProbe: {exec: {command: [a]}, timeoutSeconds: 1, periodSeconds: 10, "
            "successThreshold: 1, failureThreshold: 3}"},
           {"livenessProbe: {exec: null, httpGet: {port: 1}}", "ports: []"}}) {
    EXPECT_EQ(OfContainer(form.written), OfContainer(form.stored)) << form.written;
  }
}

TEST(Running, AVolumeIsTheSameBeforeAndAfterItIsStored) {
  for (const Form& form : std::initializer_list<Form>{
           {"configMap: {name: c}", "configMap: {name: c, defaultMode: 420}"},
           {"secret: {secretName: s, items: []}", "secret: {secretName: s, defaultMode: 420}"},
           {"hostPath: {path: /x}", "hostPath: {path: /x, type: ''}"},
           {"persistentVolumeClaim: {claimName: c, readOnly: false}",
            "persistentVolumeClaim: {claimName: c}"},
           {"downwardAPI: {items: [{path: a, fieldRef: {fieldPath: metadata.labels}}]}",
            "downwardAPI: {defaultMode: 420, items: [{path: a, fieldRef: {apiVersion: v1, "
            "fieldPath: metadata.labels}}]}"},
           {"projected: {sources: [{serviceAccountToken: {path: t}}, {downwardAPI: {items: [{path: "
            "c, resourceFieldRef: {containerName: c, resource: limits.cpu}}]}}]}",
            "projected: {defaultMode: 420, sources: [{serviceAccountToken: {path: t, "
            "expirationSeconds: 3600}}, {downwardAPI: {items: [{path: c, resourceFieldRef: "
            "{containerName: c, resource: limits.cpu, divisor: '0'}}]}}]}"},
           {"ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce]}}}",
            "ephemeral: {volumeClaimTemplate: {metadata: {creationTimestamp: null}, spec: "
            "{accessModes: [ReadWriteOnce], volumeMode: Filesystem}}}"},
           {"iscsi: {targetPortal: p, iqn: q, lun: 0}",
            "iscsi: {targetPortal: p, iqn: q, lun: 0, iscsiInterface: default}"}}) {
    EXPECT_EQ(OfVolume(form.written), OfVolume(form.stored)) << form.written;
  }
}

TEST(Running, WhatIsNoDefaultIsCompared) {
  for (const auto& [one, other] : std::initializer_list<std::pair<const char*, const char*>>{
           {"env: [{name: A, value: b}]", "env: [{name: A}]"},
           {"env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]",
            "env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}]"},
           {"args: ['']", "args: []"},
           {"lifecycle: {preStop: {httpGet: {port: 1}}}",
            "lifecycle: {preStop: {httpGet: {port: 1, scheme: HTTPS}}}"},
           {"command: [v1]", "command: [v2]"}}) {
    EXPECT_NE(OfContainer(one), OfContainer(other)) << one;
  }
  for (const auto& [one, other] : std::initializer_list<std::pair<const char*, const char*>>{
           {"configMap: {name: c}", "configMap: {name: c, defaultMode: 511}"},
           {"configMap: {name: c}", "configMap: {name: d}"},
           {"persistentVolumeClaim: {claimName: c}", "persistentVolumeClaim: {claimName: d}"}}) {
    EXPECT_NE(OfVolume(one), OfVolume(other)) << one;
  }
}

}  // namespace
}  // namespace countersign
