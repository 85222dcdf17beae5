"""kill -9 at random points of negotiations: nothing is lost and nothing doubled on either node."""

import pytest
from kill_play import play
from two_nodes import Nodes


@pytest.mark.timeout(280)
def test_negotiations_outlive_kills(nodes: Nodes) -> None:
    done = play(nodes, kills=2, seed=7)
    assert done.kills == 2
