# SPDX-License-Identifier: Apache-2.0
"""TCP's marks once more, in the plainest way: from tshark's raw numbers of each packet, without bounds and without speed. What
spantap counts has to be the sum of these marks; where a packet's mark differs from tshark's own, differential.py says why."""

FIN, SYN, RST, ACK = 1, 2, 4, 16
MOD = 1 << 32
REORDER = 0.003  # s, without a measured round trip
HOLE_MAX = 1 << 30
SENT_LATER_MAX, SENT_EARLIER_MAX = 1024, 64


def distance(a, b):
    """a - b of sequence numbers."""
    d = (a - b) % MOD
    return d - MOD if d >= MOD // 2 else d


class Segment:
    """One packet's TCP header, of the innermost one where there are several."""

    def __init__(self, row):
        def last(field):
            return row[field].split(",")[-1]
        self.number, self.marks = row["number"], row["marks"]
        self.told_by = None  # of old bytes: "seen" before, "number" or "time"
        self.delta = 0  # from where it was expected
        self.first = self.first_ack = self.jumped = self.answers = self.stale = self.repeats = self.after_reset = False
        self.found = set()  # our marks
        self.time = float(row["frame.time_epoch"])
        self.seq, self.ack = int(last("tcp.seq_raw")), int(last("tcp.ack_raw") or 0)
        self.len, self.flags = int(last("tcp.len")), int(last("tcp.flags"), 16) & 0xff
        self.window = int(last("tcp.window_size_value"))
        number = last("ip.id") if row["ip.id"] else "0"
        self.id = 0 if row["ipv6.src"] and not row["ip.src"] else int(number, 16)
        blocks = zip(*(row["tcp.options.sack_" + edge].split(",") for edge in ("le", "re")))
        self.blocks = [(int(left), int(right)) for left, right in blocks if left]
        self.end = (self.seq + self.len + bool(self.flags & SYN) + bool(self.flags & FIN)) % MOD


class Hole:
    def __init__(self, start, end, segment, acked):
        self.start, self.end, self.time, self.acked = start, end, segment.time, acked
        self.id = 0 if acked else segment.id

    def part(self, start, end):
        """A piece of it, or none."""
        if distance(end, start) <= 0:
            return []
        piece = Hole.__new__(Hole)
        piece.__dict__.update(self.__dict__, start=start, end=end)
        return [piece]


class Side:
    def __init__(self):
        self.next = self.ack = self.window = self.isn = None
        self.holes = []
        self.most_holes = 0  # at a time
        self.last_ack = None
        self.reset = False
        self.missed = False  # the receiver said that something was missing
        self.doubtful = []  # segments that came late here, of which it has said nothing yet
        self.sign = False  # its last packet was a keep-alive or a zero window probe
        self.probe = False


class Connection:
    def __init__(self):
        self.side = (Side(), Side())
        self.state = "start"  # then "syn", "answered", "open"
        self.client = self.asked = self.server_part = self.answered = self.round_trip = None

    def is_new(self, place, s):
        """A SYN of another connection on the same ports."""
        if not s.flags & SYN:
            return False
        mine, other = self.side[place], self.side[1 - place]
        if s.flags & ACK and other.isn is not None and s.ack == (other.isn + 1) % MOD:
            return False
        if s.flags & ACK and self.state == "answered" and mine.ack is not None:
            return s.ack != mine.ack
        if mine.isn is not None:
            return s.seq != mine.isn
        return self.state == "open" and (not s.flags & ACK or other.isn is None)

    def syn(self, place, s):
        if self.state == "open":
            return
        if self.state == "start":
            self.state, self.client = "syn", place
        if self.state == "syn":
            self.asked = s.time
        self.side[place].isn = s.seq

    def synack(self, place, s):
        mine, other = self.side[place], self.side[1 - place]
        if self.state == "syn" and other.isn is not None and s.ack == (other.isn + 1) % MOD:
            self.server_part = s.time - self.asked
        if mine.isn is None:
            mine.isn = s.seq
        elif self.state == "answered" and mine.isn != s.seq:
            mine.isn, mine.next = s.seq, None  # another answer to the same SYN
        if self.state == "start":
            self.client = 1 - place
        if self.state in ("start", "syn"):
            self.state = "answered"
        if self.state == "answered":
            self.answered = s.time

    def handshake(self, place, s):
        """False: the packet belongs to an older connection."""
        if s.flags & SYN:
            (self.synack if s.flags & ACK else self.syn)(place, s)
        elif self.state == "start":
            self.state = "open"
        elif self.state == "syn" and place != self.client:
            return False
        elif self.state != "open" and place == self.client:
            server = self.side[1 - place]
            if self.state == "answered" and s.ack == (server.isn + 1) % MOD and self.server_part is not None:
                self.round_trip = self.server_part + s.time - self.answered
            self.state = "open"
        return True

    def overtaken(self, hole, s):
        later = distance((s.id - hole.id) % 65536 << 16, 0) >> 16
        if s.id and hole.id and later and -SENT_EARLIER_MAX <= later <= SENT_LATER_MAX:
            s.told_by = "number"
            return later < 0
        s.told_by = "time"
        return s.time - hole.time < (REORDER if self.round_trip is None else self.round_trip)

    def old(self, mine, s):
        """The mark of a segment that begins below what was seen."""
        mine.most_holes = max(mine.most_holes, len(mine.holes))
        holes = [h for h in mine.holes if distance(s.seq, h.end) < 0 and distance(s.end, h.start) > 0]
        mark, s.told_by = "retrans", "seen"
        if holes:
            soon = self.overtaken(holes[0], s)
            mark = "out_of_order" if soon else "retrans" if holes[0].acked else "hole_filled"
            if s.len and soon and holes[0].acked:
                mark = "late_here"
            elif s.len and soon and not mine.missed:
                mine.doubtful.append(s)
        for hole in holes:
            i = mine.holes.index(hole)
            mine.holes[i:i + 1] = hole.part(hole.start, s.seq) + hole.part(s.end, hole.end)
        if distance(s.end, mine.next) > 0:
            mine.next = s.end
        return mark if s.len else None

    def sequence(self, place, s):
        mine, other = self.side[place], self.side[1 - place]
        mine.sign = mine.probe = False
        if mine.next is None:
            s.first, mine.next = True, s.end
            mine.probe = s.seq == s.end  # it may be a keep-alive
            return None
        delta = s.delta = distance(s.seq, mine.next)
        if delta == 0 and s.len == 1 and other.window == 0 and not s.flags & (SYN | FIN):
            mine.probe = True
            return "probe"
        acknowledged = not s.len or other.ack is None or distance(other.ack, mine.next) >= 0
        if delta == -1 and s.len <= 1 and not s.flags & (SYN | FIN) and acknowledged:
            mine.sign = True
            return "keepalive" if other.window != 0 else "probe"
        if -HOLE_MAX < delta < 0:
            return self.old(mine, s) if s.end != s.seq else None
        s.jumped = delta != 0
        if 0 < delta < HOLE_MAX:
            self.jump(mine, Hole(mine.next, s.seq, s, False))
        mine.next = s.end
        return None

    def acknowledge(self, place, s, signs):
        """Whether it is a duplicate ACK."""
        mine, other = self.side[place], self.side[1 - place]
        s.first_ack = mine.ack is None
        s.repeats = mine.last_ack == s.ack
        mine.last_ack = s.ack
        s.stale = mine.ack is not None and distance(s.ack, mine.ack) < 0
        if mine.ack is not None and -HOLE_MAX < distance(s.ack, mine.ack) < 0:
            return False
        if other.next is not None and abs(distance(s.ack, other.next)) >= HOLE_MAX:
            return False
        duplicate = (mine.ack == s.ack and not s.len and s.window and s.window == mine.window and s.seq == mine.next and
                     not s.flags & (SYN | FIN) and not signs)
        fresh = mine.ack != s.ack
        mine.ack, mine.window = s.ack, s.window
        if fresh and other.next is not None and distance(s.ack, other.next) > 0:
            if other.probe and s.ack == (other.next + 1) % MOD:
                other.next = s.ack
            else:
                self.jump(other, Hole(other.next, s.ack, s, True))
                other.next = s.ack
        if other.holes:
            self.received(other, other.holes[0].start, s.ack)
        for left, right in s.blocks:
            self.received(other, left, right)
        self.judge(other, s, duplicate or any(distance(left, s.ack) > 0 for left, _ in s.blocks))
        return duplicate

    @staticmethod
    def jump(side, hole):
        if not side.doubtful and all(h.acked for h in side.holes):
            side.missed = False
        side.holes.append(hole)

    @staticmethod
    def judge(side, s, missing):
        """What the receiver's ACK says of segments that came late here: were they late there, too?"""
        side.missed |= missing
        if not missing and any(distance(s.ack, late.end) < 0 for late in side.doubtful):
            return
        for late in side.doubtful if not missing else []:
            late.found.symmetric_difference_update({"out_of_order", "late_here"})
        side.doubtful = []

    @staticmethod
    def received(side, start, end):
        """The receiver has the bytes [start, end)."""
        if distance(end, start) <= 0:
            return
        holes = []
        for h in side.holes:
            if distance(end, h.start) <= 0 or distance(start, h.end) >= 0 or h.acked:
                holes.append(h)
                continue
            low = start if distance(start, h.start) > 0 else h.start
            high = end if distance(end, h.end) < 0 else h.end
            there = h.part(low, high)
            there[0].acked = True
            holes += h.part(h.start, low) + there + h.part(high, h.end)
        side.holes = holes

    def marks(self, place, s):
        """What spantap should call this packet."""
        mine, other = self.side[place], self.side[1 - place]
        s.after_reset = mine.reset or other.reset
        if s.flags & RST:
            self.state, mine.reset, mine.sign = "open", True, False
            return set()
        if not self.handshake(place, s) or (s.flags & SYN and mine.isn not in (None, s.seq)):
            mine.sign = False
            return set()
        found = s.found
        if s.window == 0 and not s.flags & (SYN | FIN):
            found.add("zero_window")
        mark = self.sequence(place, s)
        s.answers = other.sign
        if mark:
            found.add(mark)
        if s.flags & ACK and self.acknowledge(place, s, mine.sign or other.sign):
            found.add("dup_ack")
        return found


def marks(packets):
    """[(place, row)] of a conversation -> [(place, segment, our marks)], and the most holes that a side had at a time. Packets whose
    header was not captured are left out. The mark "late_here" is not counted: only the capture shows the segment late."""
    connections = [Connection()]
    result = []
    for place, row in packets:
        if not row["tcp.window_size_value"] or not row["tcp.seq_raw"] or not row["tcp.len"]:
            continue
        s = Segment(row)
        if connections[-1].is_new(place, s):
            connections.append(Connection())
        result.append((place, s, connections[-1].marks(place, s)))
    return result, max(side.most_holes for c in connections for side in c.side)
