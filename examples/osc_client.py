"""Ask `antiphon server` for eight events of a bass, one after another. Needs python-osc on the client's side alone."""

import sys

from pythonosc.udp_client import SimpleUDPClient

client = SimpleUDPClient("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9999)
limits = {"include_inst": 33, "max_pitch": 55, "max_polyphony": 1, "max_duration": 2.0, "max_time": 1.0}

for _ in range(8):
    client.send_message("/antiphon/sample_feed", [x for pair in limits.items() for x in pair])
    reply = next(client.get_messages(timeout=5))
    event = dict(zip(reply.params[::2], reply.params[1::2], strict=True))
    print(event.get("error") or "{pitch} {vel:3.0f} after {time:.2f} s".format(**event))
client.close()
