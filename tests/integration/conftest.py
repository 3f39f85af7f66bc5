"""Fixtures for tests that bring their own programs to a bare control plane."""

import os

import pytest

from operator_stage import Stage
from operator_world import World
from world import controlplane


class Bare:
    """A control plane as the operator's tests see it."""

    def __init__(self, plane):
        self.plane = plane
        self.admin = str(plane.kubeconfig)

    def kubeconfig(self, user, groups=()):
        return str(self.plane.user(user, list(groups)))

    def audit(self):
        return self.plane.audit_events()


@pytest.fixture(scope="module")
def cluster():
    with controlplane.start() as plane:
        # The tests call kubectl by name.
        os.environ["PATH"] = f"{plane.assets}:{os.environ['PATH']}"
        yield Bare(plane)


@pytest.fixture(scope="module")
def stage(cluster, tmp_path_factory):
    """For the operator's tests; other files have a stage of their own."""
    stage = Stage(cluster, tmp_path_factory.mktemp("operator"))
    yield stage
    ended = [o.process.poll() for o in stage.started if o is not stage.operator]
    code = stage.operator.stop() if stage.operator else 0
    stage.close()
    assert code == 0 and None not in ended, (code, ended)


@pytest.fixture
def world(stage):
    """A tenant, and the operator that the tests share running."""
    if stage.operator is None or stage.operator.process.poll() is not None:
        stage.restart()
    world = World(stage.admin, stage.stamp_tool, stage.key)
    yield world
    world.close()
