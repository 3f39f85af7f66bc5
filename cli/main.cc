// countersign: the command line, also found by kubectl as its plugin (kubectl-countersign).

#include <csignal>

#include "cli/command.h"

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);  // a closed connection or pipe must not end the process
  return countersign::RunProgram(argc, argv);
}
