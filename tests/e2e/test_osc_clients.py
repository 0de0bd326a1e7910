"""The server is asked by the programs that musicians ask it with: liblo's, Pure Data, SuperCollider, Python."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
REPLY = "/return/notochord/query"


class Server:
    """`antiphon server` in a process of its own, on a free port."""

    def __init__(self, *arguments):
        command = [sys.executable, "-m", "antiphon", "server", "--port", "0", "--seed", "1", *map(str, arguments)]
        self.program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        line = self.program.stderr.readline()
        found = re.search(r"on 127\.0\.0\.1:(\d+)\.", line)
        assert found, line
        self.port = int(found[1])

    def end(self, how=signal.SIGTERM):
        """End it; returns its exit code and the lines that it left behind."""
        self.program.send_signal(how)
        _, rest = self.program.communicate(timeout=20)
        return self.program.returncode, rest.splitlines()


@pytest.fixture
def server():
    server = Server()
    yield server
    if server.program.poll() is None:
        server.end()


def _free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _numbers(text):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text)]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_when_it_is_told_to(server, how):
    code, lines = server.end(how)
    assert code == 0
    assert len(lines) == 1
    assert how.name in lines[0]


def test_a_port_that_is_taken_is_said_in_one_line(server):
    again = subprocess.run(
        [sys.executable, "-m", "antiphon", "server", "--port", str(server.port)], capture_output=True, text=True
    )
    assert again.returncode == 1
    assert len(again.stderr.splitlines()) == 1
    assert str(server.port) in again.stderr


@pytest.mark.system("oscsend", "oscdump")
def test_liblo_asks_and_is_answered():
    port = _free_port()
    dump = subprocess.Popen(["oscdump", "-L", str(port)], stdout=subprocess.PIPE, text=True)
    server = Server("--send-port", port)
    try:

        def send(address, types="", *args):
            subprocess.run(["oscsend", "127.0.0.1", str(server.port), address, types, *map(str, args)], check=True)
            return dump.stdout.readline() if address != "/notochord/feed" else ""

        send("/notochord/feed", "iifi", 1, 60, 0.2, 99)
        line = send("/notochord/query", "sisisi", "next_inst", 33, "min_vel", 1, "handle", 7)
        assert re.search(rf'{REPLY} sisisfsfsfsisi "inst" 33 "pitch" \d+ "time" [\d.]+ "vel" [\d.]+ "end" 0', line)
        assert '"step" 2 "handle" 7' in line
        assert "did you mean min_vel?" in send("/notochord/query", "si", "min_val", 1)
        assert '"addresses"' in send("/antiphon/describe").replace("\\", "")
    finally:
        server.end()
        dump.terminate()
        dump.communicate()


PATCH = """#N canvas 0 0 500 500 10;
#X obj 10 10 loadbang;
#X obj 10 30 t b b b;
#X msg 200 60 connect 127.0.0.1 {port};
#X msg 100 90 1 60 0.2 99;
#X obj 100 110 oscformat /notochord/feed;
#X msg 10 130 list include_inst 1 33 next_vel 80 handle pd;
#X obj 10 150 oscformat /notochord/query;
#X obj 10 180 list prepend send;
#X obj 10 200 list trim;
#X obj 10 220 netsend -u -b;
#X obj 50 240 oscparse;
#X obj 50 260 t b a;
#X obj 100 280 print reply;
#X msg 50 300 \\; pd quit;
#X connect 0 0 1 0;
#X connect 1 0 5 0;
#X connect 1 1 3 0;
#X connect 1 2 2 0;
#X connect 2 0 9 0;
#X connect 3 0 4 0;
#X connect 4 0 7 0;
#X connect 5 0 6 0;
#X connect 6 0 7 0;
#X connect 7 0 8 0;
#X connect 8 0 9 0;
#X connect 9 1 10 0;
#X connect 10 0 11 0;
#X connect 11 0 13 0;
#X connect 11 1 12 0;
"""


@pytest.mark.system("pd")
def test_pd_asks_and_is_answered(server, tmp_path):
    patch = tmp_path / "ask.pd"
    patch.write_text(PATCH.format(port=server.port))
    said = subprocess.run(
        ["pd", "-nogui", "-noaudio", "-nomidi", "-stderr", "-open", str(patch)],
        capture_output=True,
        text=True,
        timeout=60,
    ).stderr
    found = re.search(
        r"reply: .*return notochord query inst (1|33) pitch (\d+) time [\d.e-]+ vel 80 end 0 step 2 handle pd", said
    )
    assert found, said


SCRIPT = """
// What a class for SuperCollider sends: the handle first, lists as JSON, each reply fed before the next query.
var server = NetAddr("127.0.0.1", {port}), left = 5;
var ask = {{ |event|
    server.sendMsg("/notochord/feed_query", \\handle, left, *(event ++ [
        \\include_inst, "%JSON:[1,33]", \\allow_anon, false, \\min_vel, 1, \\max_time, 0.5, \\pitch_temp, 0.9]));
}};
OSCdef(\\reply, {{ |message|
    var event = message[1..].asEvent;
    ("REPLY" + event[\\handle] + event[\\inst] + event[\\pitch] + event[\\time] + event[\\vel]).postln;
    left = left - 1;
    if (left > 0) {{ ask.([event[\\inst], event[\\pitch], event[\\time], event[\\vel]]) }} {{ 0.exit }};
}}, "/return/notochord/query");
OSCdef(\\wrong, {{ |message| ("WRONG" + message).postln; 1.exit }}, "/return/antiphon/error");
server.sendMsg("/notochord/reset");
server.sendBundle(0.05, ["/notochord/feed", 1, 48, 0.1, 70]);
AppClock.sched(0.3, {{ ask.([1, 60, 0.2, 90]) }});
AppClock.sched(30, {{ 2.exit }});
"""


@pytest.mark.system("sclang")
def test_supercollider_asks_and_feeds_what_it_is_answered(server, tmp_path):
    script = tmp_path / "ask.scd"
    script.write_text(SCRIPT.format(port=server.port))
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "QTWEBENGINE_DISABLE_SANDBOX": "1",
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
    }
    said = subprocess.run(
        ["sclang", "-D", str(script)], capture_output=True, text=True, timeout=90, env=environment, cwd=tmp_path
    ).stdout
    replies = [_numbers(line) for line in said.splitlines() if line.startswith("REPLY")]
    assert [handle for handle, *_ in replies] == [5, 4, 3, 2, 1], said
    for _, instrument, pitch, seconds, velocity in replies:
        assert instrument in (1, 33)
        assert 0 <= pitch < 128
        assert 0 <= seconds <= 0.5 + 1e-6
        assert velocity >= 1


def test_the_example_of_a_client_runs(server):
    said = subprocess.run(
        [sys.executable, EXAMPLES / "osc_client.py", str(server.port)], capture_output=True, text=True, timeout=60
    )
    assert said.returncode == 0, said.stderr
    assert len(re.findall(r"^\d+ +\d+ after \d\.\d\d s$", said.stdout, re.MULTILINE)) == 8


def test_the_example_in_process_runs():
    said = subprocess.run([sys.executable, EXAMPLES / "harmoniser.py"], capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    for line in said.stdout.splitlines():
        tune, below = map(int, line.split())
        assert below < 55 < tune
    assert len(said.stdout.splitlines()) == 9


def test_importing_antiphon_alone_is_quick():
    """No room is imported before it is needed."""
    said = subprocess.run(
        [sys.executable, "-c", "import sys, antiphon; antiphon.open; print('numpy' in sys.modules)"],
        capture_output=True,
        text=True,
    )
    assert said.stdout.strip() == "False"


def test_a_flood_of_garbage_does_not_hold_up_queries(server):
    """Four garbled datagrams before each of fifty queries: all are answered, in order."""
    from antiphon.ports.osc_packets import read_packet, write_message

    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise,
    ):
        asks.settimeout(5)
        for n in range(50):
            for k in range(4):
                noise.sendto(bytes([n, k]) * 31, ("127.0.0.1", server.port))
            asks.sendto(write_message("/notochord/query", "next_inst", 1, "handle", n), ("127.0.0.1", server.port))
            (reply,) = read_packet(asks.recv(65536))
            assert reply.args[-1] == n
