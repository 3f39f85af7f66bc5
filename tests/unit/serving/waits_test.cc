// Clients that name a server are none; whatever runs one is, however it is put.
#include "governance/serving/waits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "governance/serving/recognise.h"

namespace countersign {
namespace {

const ServingProfiles& Table() {
  static const ServingProfiles kTable = BuiltInServingProfiles().value();
  return kTable;
}

Json Deployment(const std::string& container) {
  return {
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata", {{"name", "d"}, {"namespace", "x"}}},
      {"spec",
       {{"template", {{"spec", {{"containers", Json::array({ParseYaml(container).value()})}}}}}}}};
}

bool Serves(const Json& command, const std::string& container = "{image: x}") {
  Json object = Deployment(container);
  object["spec"]["template"]["spec"]["containers"][0]["command"] = command;
  return Recognise(Table(), object).serves;
}

bool Runs(const std::string& script, const std::string& container = "{image: x}") {
  return Serves({"sh", "-c", script}, container);
}

TEST(Waits, WhoOnlyWaitsForAServerIsNone) {
  for (const char* script :
       {"until nc -z torchserve 8080; do sleep 2; done",
        "until nc -zv -w2 torchserve 8080 >/dev/null 2>&1\ndo\n  echo waiting for torchserve\n"
        "  sleep 2\ndone",
        "while ! getent hosts tritonserver.x.svc || false; do echo 'no tritonserver yet'; sleep 1; "
        "done",
        "ping -c 1 torchserve && exit 0", "/usr/bin/dig torchserve & sleep 1",
        "wget -qO- torchserve.x.svc:8080/ping", "curl -sf --retry 9 -H torchserve http://x"}) {
    EXPECT_FALSE(Serves({"/bin/sh", "-c", script})) << script;
  }
  EXPECT_FALSE(Serves({"nc", "-z", "torchserve", "8080"}));
  EXPECT_FALSE(Serves({"/usr/bin/nslookup", "torchserve"}));
  for (const char* script : {"nc -z x 1; torchserve --start",
                             "nc -z torchserve 1 && torchserve --start",
                             "until nc -z x 1; do torchserve; done",
                             "nc -e torchserve x 1",
                             "nc -lke torchserve x 1",
                             "ncat --exec torchserve x 1",
                             "wget --use-askpass torchserve x",
                             "wget -qe torchserve x",
                             "wait-for-it.sh x:1 -- torchserve",
                             "echo torchserve | sh",
                             "sh -c $(echo torchserve)",
                             "echo `torchserve`",
                             "nc() { env; }; nc torchserve",
                             "alias nc=env\nnc torchserve",
                             "env nc torchserve",
                             "X=1 nc torchserve",
                             "/mnt/m/nc torchserve",
                             "\"\" torchserve",
                             "echo torchserve > /x.sh",
                             "echo 'x\n torchserve'",
                             "nc -z \\\ntorchserve 1",
                             "echo torchserve >/dev/null.sh; sh /dev/null.sh",
                             "echo torchserve >&2.sh",
                             "nc2>/dev/null torchserve",
                             "nc /*/torchserve",
                             "nc -- torchserve",
                             "wait-for-it.sh x:1 -t 1 [-]- torchserve serve",
                             "wget --config=/x torchserve",
                             "for i in 1; do nc torchserve; done"}) {
    EXPECT_TRUE(Serves({"/bin/sh", "-c", script})) << script;
  }
  EXPECT_TRUE(Serves({"/bin/sh", "-c", "nc -z x 1", "torchserve"}));
  EXPECT_TRUE(Serves({"/mnt/m/nc", "torchserve"}));
  EXPECT_TRUE(Serves({"/bin/sh", "-i", "nc torchserve"}));
  // Which program an image starts by itself nobody can see.
  for (const char* more : {"", "command: [], "}) {
    EXPECT_TRUE(Recognise(Table(),
                          Deployment("{image: x, " + std::string(more) + "args: [nc, torchserve]}"))
                    .serves)
        << more;
  }
}

TEST(Waits, WhoMaySayWhatItsProgramsAreDoesNotOnlyWait) {
  const auto serves = [](const std::string& said) {
    return Recognise(Table(), Deployment("{image: x, command: [sh, -c, 'until nc -z torchserve "
                                         "8080 >/dev/null 2>&1; do sleep 2; done']" +
                                         said + "}"))
        .serves;
  };
  for (const char* said :
       {"", ", env: [{name: HTTP_PROXY, value: 'http://proxy'}], envFrom: []",
        ", volumeMounts: [{name: t, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]"}) {
    EXPECT_FALSE(serves(said)) << said;
  }
  for (const char* said :
       {", env: [{name: PATH, value: /cm}]", ", env: [{name: ENV, value: /x}]",
        ", env: [{name: BASH_ENV, value: /x}]", ", env: [{name: LD_PRELOAD, value: /x}]",
        ", env: [{name: 'BASH_FUNC_nc%%', value: '() { vllm serve m; }'}]",
        ", env: [{name: nc, value: '() { vllm serve m; }'}]", ", env: [{name: HOME, value: /x}]",
        ", env: [{name: PATH, valueFrom: {configMapKeyRef: "
        "{name: c, key: k}}}]",
        ", envFrom: [{configMapRef: {name: c}}]", ", workingDir: /w",
        ", volumeMounts: [{name: c, mountPath: /usr/bin/nc, subPath: nc}]",
        ", volumeMounts: [{name: c, mountPath: /var/run/../../bin}]",
        ", volumeDevices: [{name: c, devicePath: /bin}]"}) {
    EXPECT_TRUE(serves(said)) << said;
  }
  // What is executed in it as well.
  const std::string hook =
      "{image: x, lifecycle: {postStart: {exec: {command: [echo, torchserve]}}}";
  EXPECT_FALSE(Recognise(Table(), Deployment(hook + "}")).serves);
  EXPECT_TRUE(Recognise(Table(), Deployment(hook + ", workingDir: /w}")).serves);
}

TEST(Waits, MayBeSaidInAPlainShell) {
  const std::string port = "{image: x, env: [{name: TRITON_PORT, value: '8001'}]}";
  for (const char* script :
       {"set -euo pipefail; nc -z torchserve 1", "date; timeout 1 nc -z torchserve 1",
        "timeout 2.5s nc -z torchserve $TRITON_PORT", "nc -z torchserve \"${TRITON_PORT}\"",
        "curl -w \"%{http_code}\" torchserve", "test -f x || nc torchserve 1",
        "until [ \"$(curl -s -w '%{http_code}' http://x/y)\" = 200 ]; do echo no torchserve; "
        "sleep 1; done",
        "# waits for torchserve; 'really\nnc -z torchserve 1", "kubectl wait deploy torchserve",
        "pip install -q torchserve torch-model-archiver",
        "kubectl rollout status deploy torchserve --timeout=1m"}) {
    EXPECT_FALSE(Runs(script, port)) << script;
  }
  EXPECT_FALSE(Serves({"pgrep", "-f", "tritonserver"}));
  EXPECT_FALSE(Serves({"kubectl", "get", "deploy", "tritonserver"}));
}

TEST(Waits, BeforeSomethingElseIsNotWhatRuns) {
  for (const char* script :
       {"until nc -z tritonserver 8001; do sleep 1; done; exec python client.py",
        "#!/bin/sh\n# talks to tritonserver\nset -e\n\nexec python client.py \\\n  --port ${PORT}",
        "echo waiting for 'tritonserver' && python c.py 2>&1 | tee log",
        "if ! nc -z torchserve 1; then exit 1; fi\npython c.py $(date +%s) < x",
        "pip install torchserve torch-model-archiver && python train.py --epochs $N",
        "kubectl rollout status deploy tritonserver && python x.py"}) {
    EXPECT_FALSE(Runs(script)) << script;
  }
  for (const char* script :
       {"until nc -z x 8001; do sleep 1; done; exec tritonserver",
        "nc -z tritonserver 1; exec torchserve", "# x\ntritonserver", "echo '# ' ; tritonserver",
        "nc x || tritonserver", "nc x && tritonserver", "pip install x; tritonserver"}) {
    EXPECT_TRUE(Runs(script)) << script;
  }
  // The rest of the script is looked at in full, also for a phrase.
  EXPECT_TRUE(Runs("echo vllm; vllm serve m"));
}

// Each of these has a shell, or a program, run a word that seems to be a client's.
TEST(Waits, IsNotWhatARunningScriptSays) {
  for (const char* script : {
           // Quotes: what seems to part commands does not.
           "env X=';nc' tritonserver",
           "env X=\";nc\" \"\" tritonserver",
           "env X=\";nc\" tritonserver \"y;\"",
           "x 'y; tritonserver",
           "nc ' ; tritonserver",
           "true '#'; tritonserver",
           "echo 'a\n# b'; tritonserver",
           // Escapes, and lines that go on.
           "env X=\\\n# tritonserver",
           "nc\\\n x; trito\\\nnserver",
           "echo \\\"; tritonserver \\\"",
           "nc x \\; ; env tritonserver",
           // Substitutions.
           "nc $(tritonserver); x",
           "nc `tritonserver`; x",
           "[ \"$(tritonserver --x)\" = 1 ]",
           "$(echo tritonserver)",
           "$(echo tritonserver )",
           "nc $(echo -e x) tritonserver",
           "[ $(nc $(tritonserver)) ]",
           "[ \"$(curl x; tritonserver)\" ]",
           "[ \"$(# x )\" = 1 ]; nc tritonserver",
           "[ \"$(echo ')' ; tritonserver)\" ]",
           "nc $((tritonserver)) x",
           "nc <(tritonserver)",
           // Here-documents and files.
           "x <<E\n# tritonserver\nE",
           "sh <<E\nnc x; tritonserver\nE",
           "echo tritonserver > x; sh x",
           "echo tritonserver >> x; sh x",
           "exec >x; echo tritonserver; sh x",
           "echo tritonserver >| x; sh x",
           // Pipes, of one command and of a whole loop.
           "echo tritonserver | sh; x",
           "while x; do echo tritonserver; done | sh",
           "while nc x; do echo tritonserver; done | sh",
           "{ echo tritonserver; } | sh",
           "(echo tritonserver) | sh",
           "echo tritonserver |& sh",
           "nc x || echo tritonserver | xargs env",
           "if true; then echo tritonserver; fi | sh",
           "until nc x; do sleep 1; done | echo tritonserver | sh",
           // What names of programs mean is changed.
           "nc() { env; }; nc tritonserver; x",
           "function nc { env; }\nnc tritonserver",
           "alias nc=env\nnc tritonserver; x",
           "hash -p /bin/env nc; nc tritonserver",
           "PATH=/x; nc tritonserver; x",
           "export PATH=/x; nc tritonserver",
           "enable -f /x nc; nc tritonserver",
           "cp /bin/env /bin/nc; nc tritonserver",
           "python x; nc tritonserver",
           ". /x; nc tritonserver",
           "source /x; nc tritonserver",
           "while nc tritonserver; do cp /bin/env /bin/nc; done",
           "sleep 1 && nc tritonserver & cp /bin/env /bin/nc",
           "while nc tritonserver; do \"done\"; cp /bin/env /bin/nc; done",
           "done; nc tritonserver; x",
           "X=1 nc tritonserver",
           // Words that were said before are run.
           "nc tritonserver; $_",
           "echo tritonserver; ${_}",
           "set -- tritonserver; \"$@\"",
           "set tritonserver; $1",
           "set -e tritonserver; $1",
           "set -k; nc tritonserver",
           "echo tritonserver; sh -c \"${BASH_EXECUTION_STRING#* }\"",
           "echo tritonserver; xargs -0 </proc/$$/cmdline",
           "nc x; trap tritonserver EXIT",
           "nc x; eval tritonserver",
           "nc x; . tritonserver",
           "nc x; exec -a nc tritonserver",
           "nc x; command tritonserver",
           "exec -a --host tritonserver",
           "env -u --host tritonserver",
           "xargs --host tritonserver",
           "sh -c '$1' --host --host tritonserver",
           "for x in --host tritonserver; do $x; done",
           "X=--host=tritonserver; ${X#*=}",
           "X=tritonserver; $X",
           // Programs that run others.
           "nc -z tritonserver 8001 -e tritonserver; y",
           "nc -e tritonserver x; y",
           "timeout 1 tritonserver",
           "timeout 1 timeout 2 tritonserver",
           "timeout -s 9 nc tritonserver",
           "timeout -k 1 nc tritonserver",
           "timeout 1 sh -c tritonserver",
           "nc x; env nc tritonserver",
           "pip install --python tritonserver x",
           "pip download tritonserver",
           "kubectl exec p -- tritonserver; x",
           "kubectl get x -- tritonserver; x",
           "kubectl debug tritonserver",
           "pgrep x || tritonserver &",
           "wait-for-it.sh x:1 -- tritonserver",
           "[ a ] && tritonserver",
           // What a shell makes of a pattern, a brace, a variable.
           "nc [-]e tritonserver",
           "nc -{e,z} tritonserver",
           "nc ?e tritonserver",
           "nc $OTHER tritonserver",
           "nc $IFS-e tritonserver",
           "nc ${TRITON_PORT:-x} tritonserver",
           "curl %{x} && tritonserver",
           "nc $'-e' tritonserver",
           // Blanks that are none, and those that are.
           "nc\ttritonserver;\ttritonserver",
           "nc\xc2\xa0x; tritonserver",
           "nc\xc2\xa0tritonserver tritonserver",
           "nc\x0btritonserver; x tritonserver",
           "nc x\r\ntritonserver",
           "nc\x01 tritonserver",
           // An option for a host, and a domain, are one word.
           "x --exec=tritonserver",
           "x --host=tritonserver tritonserver",
           "x --host=x;tritonserver",
           "x '--host=;tritonserver'",
           "x --host= tritonserver",
           "host=tritonserver; $host",
           "exec tritonserver.sh",
           "exec tritonserver.",
           "/opt/bin/tritonserver.x.y",
           "exec tritonserver..x",
           "tritonserver.$X",
           "tritonserver.*.x",
           "x -host=tritonserver",
       }) {
    EXPECT_TRUE(Runs(script)) << script;
  }
  // The shell, or the image, is told more than a script.
  EXPECT_TRUE(Serves({"sh", "-c", "exec \"$@\"", "nc", "tritonserver"}));
  EXPECT_TRUE(Serves({"sh", "-c", "nc x; exec \"$0\"", "tritonserver"}));
  EXPECT_TRUE(Serves({"sh", "-c", "-c", "nc tritonserver"}));
  EXPECT_TRUE(Serves({"bash", "nc", "tritonserver"}));
  EXPECT_TRUE(Serves({"bash", "-lc", "nc tritonserver"}));
  EXPECT_TRUE(Serves({"zsh", "-c", "nc tritonserver"}));
  EXPECT_TRUE(Serves({"env", "-u", "--host", "tritonserver"}));
  EXPECT_TRUE(Serves({"nc;nc", "tritonserver"}));
  EXPECT_TRUE(Serves({"/mnt/pgrep", "tritonserver"}));
  EXPECT_TRUE(Serves({"/tritonserver/nc", "tritonserver"}));
  // Kubernetes fills in what it may.
  EXPECT_TRUE(Serves({"nc", "$(X)", "tritonserver"}));
  EXPECT_TRUE(Runs("nc $(X) tritonserver"));
  EXPECT_TRUE(Runs("nc $$(echo -e) tritonserver"));
  EXPECT_TRUE(Runs("[ \"$(curl x)\" ] && nc tritonserver",
                   "{image: x, env: [{name: 'curl x', value: tritonserver}]}"));
}

TEST(Waits, APortIsANumberThatTheObjectSays) {
  const auto runs = [](const std::string& env) {
    return Runs("nc -z torchserve $X_PORT", "{image: x, env: [" + env + "]}");
  };
  EXPECT_FALSE(runs("{name: X_PORT, value: '80'}"));
  for (const char* env : {"", "{name: X_PORT, value: '-e'}", "{name: X_PORT, value: '8 -e'}",
                          "{name: X_PORT, value: ''}", "{name: X_PORT, value: torchserve}",
                          "{name: X_PORT, valueFrom: {}}", "{name: X_PORT, value: $(Y)}",
                          "{name: X_PORT, value: '80'}, {name: X_PORT, value: '-e'}"}) {
    EXPECT_TRUE(runs(env)) << env;
  }
  const std::string port = "{image: x, env: [{name: X_PORT, value: '80'}, {name: _, value: '1'}]}";
  for (const char* script :
       {"X_PORT=-e; nc $X_PORT torchserve", "nc $X_PORTS torchserve",
        "for X_PORT in -e; do nc $X_PORT torchserve; done", "read X_PORT; nc $X_PORT torchserve",
        "nc '$X_PORT' torchserve", "nc ${X_PORT#8} torchserve", "$X_PORT torchserve",
        "nc torchserve; $_", "nc ${!X_PORT} torchserve"}) {
    EXPECT_TRUE(Runs(script, port)) << script;
  }
}

TEST(Waits, AHostIsNoCommand) {
  for (const char* script :
       {"exec python client.py --host=tritonserver", "python c.py --triton-url=tritonserver -v",
        "python c.py --to tritonserver.rag.svc", "python c.py tritonserver.rag.svc:8001",
        "python c.py tritonserver:8001", "python c.py --a=tritonserver.rag.svc.cluster.local/v2"}) {
    EXPECT_FALSE(Runs(script)) << script;
  }
  EXPECT_FALSE(Serves({"python", "client.py", "--server-address=tritonserver"}));
  EXPECT_FALSE(
      Recognise(Table(), Deployment("{image: x, args: ['--host=torchserve', a.torchserve.b]}"))
          .serves);
}

TEST(Waits, AProbeThatLooksForAServerRunsNone) {
  const auto serves = [](const std::string& command) {
    return Recognise(Table(),
                     Deployment("{image: x, readinessProbe: {exec: {command: " + command + "}}}"))
        .serves;
  };
  EXPECT_FALSE(serves("[pgrep, -f, tritonserver]"));
  EXPECT_FALSE(serves("[sh, -c, 'pgrep tritonserver && exit 0']"));
  EXPECT_TRUE(serves("[sh, -c, 'pgrep tritonserver || tritonserver &']"));
}

// A list of words in some language's code is as plain to read as a shell's.
TEST(Waits, AListOfWordsIsACommandToo) {
  for (const char* script : {"python -c 'subprocess.run([\"vllm\", \"serve\", \"x\"])'",
                             "python -c \"os.execvp('vllm',['vllm','serve','x'])\"",
                             "env '-Svllm serve x'", "env -vS'vllm serve x'", "{vllm,serve,x}"}) {
    EXPECT_TRUE(Runs(script)) << script;
  }
  EXPECT_TRUE(Serves({"python", "-c", "import os\nos.execvp('ollama', ['ollama','serve'])"}));
  EXPECT_FALSE(Runs("app --hosts vllm,redis --serve"));
  EXPECT_FALSE(Runs("app --hosts [redis,torchserve]"));
}

}  // namespace
}  // namespace countersign
