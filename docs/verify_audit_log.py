#!/usr/bin/env python3
"""Verifies a Moonward audit log: verify_audit_log.py FOLDER [VERIFIER_KEY...]. Chain and heads with the standard library alone, signatures
with `cryptography`; docs/audit-format.md is the format. Exits with 0 intact, 4 unverifiable, 6 tampered, 1 no log there."""
import base64, contextlib, glob, hashlib, io, json, os, re, sys, zlib
LINE = re.compile(rb'\{"schema":"moonward\.audit/1","seq":"([1-9]\d*)","id":"([0-9A-Z]{26})","ts":"[0-9T:.-]{29}Z",'
                  rb'"prev":"([0-9a-f]{64})","kind":"([a-z_]+)"(?:,[ -~]*)?\}\n')
def end(code, said): sys.exit(print(said) or code)
def signed(note, key):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    text, signatures = note.rsplit("\n\n", 1)
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.split("+", 2)[2])[1:])
    for signature in (base64.b64decode(line.split(" ")[2]) for line in signatures.splitlines()):
        with contextlib.suppress(Exception):  # of another key, or of nobody
            return public.verify(signature[4:], (text + "\n").encode()) is None
def unpacked(packed):  # `gzip` would pass over zeros after a member
    while (member := zlib.decompressobj(31)) and packed is not None:
        yield member.decompress(packed, 1 << 30)
        packed = (member.unused_data or None) if member.eof else end(6, "tampered: a compressed file is cut off, or has over 1 GiB")
def lines(folder):
    paths = [path for path in glob.glob(glob.escape(folder) + "/*") if re.search(r"/(?!0{8}\.)([0-9]{8}|[1-9][0-9]{8,})\.jsonl(\.gz)?\Z", path)]
    for path in sorted({path.removesuffix(".gz") for path in paths}, key=lambda path: (len(path), path)) or end(1, f"there is no log in {folder}"):
        yield from open(path, "rb") if os.path.exists(path) else io.BytesIO(b"".join(unpacked(open(path + ".gz", "rb").read())))
def verify(folder, *trusted):
    seq, head, start, torn, origin, eras, sealed, removed, aside = 0, "0" * 64, (0, "0" * 64), False, None, [], 0, (0, ""), (0, "")
    for line, found in ((line, LINE.fullmatch(line)) for line in lines(folder)):
        if torn or len(line) > 16384 or not found and line.endswith(b"\n"): end(6, f"tampered: record {seq + 1} is no record")
        if torn := not found: continue  # a write in progress, if nothing follows
        number, id, prev, kind = int(found[1]), found[2].decode(), found[3].decode(), found[4]
        if seq == 0 and number > 1: seq, head = start = (number - 1, prev)
        if number != seq + 1 or prev != head: end(6, f"tampered: record {seq + 1 if number != seq + 1 else seq or 1} is missing or was changed")
        detail, origin = json.loads(line).get("detail", {}), origin or ("moonward.audit/" + id if number == 1 else None)
        if kind in (b"checkpoint", b"key_rotate"):
            said, old, new = detail["note"].split("\n"), detail.get("old"), detail.get("new")
            origin = origin or said[0].removesuffix(" key")
            expected = [origin, str(seq), base64.b64encode(bytes.fromhex(head)).decode(), ""]
            change = [origin + " key", *expected[1:3], f"old {old}", f"new {new}", ""]
            if said[:4] != expected and said[:6] != change: end(6, f"tampered: record {number} is of another log, count or head")
            sealed, eras = number, eras + ([[]] if not eras or "+" not in (old or "+") else [])
            eras[-1].append((number, detail["note"], old, new))
        removed = max(removed, aside) if kind == b"checkpoint" else removed  # only what the next record signs
        aside = (int(detail["through"]), detail["head"]) if kind == b"retention" else (0, "")
        seq, head = number, hashlib.sha256(line).hexdigest()
    if start[0] > removed[0] or 0 < start[0] == removed[0] and start != removed:
        end(6, f"tampered: records up to {start[0]} are missing, and no record says that they were removed")
    print(f"the chain of {seq - start[0]} records holds, {seq - max(sealed, start[0])} of them after the last checkpoint")
    bad, doubt, last = [], not eras or not trusted, ""
    for era in eras if trusted else []:  # where a key was lost, `old` is its id alone: nobody hands the trust over
        named = [new if "+" not in old else old for _, _, old, new in era if old][:1]
        keys = (named or [key for key in trusted if signed(era[0][1], key)] or [*trusted])[:1]
        wrong = [era[0][0]] if last and f"+{era[0][2]}+" not in last else []
        for number, note, old, new in era:
            wrong += [number] * (bool(old) and "+" in old and old != keys[-1] or not all(signed(note, by) for by in {keys[-1], new} if by))
            keys += [new] * bool(new)
        vouched = set(keys) & set(trusted) and len(wrong) < len(era)
        bad, doubt, last = bad + (wrong if vouched or named else []), doubt or not vouched, keys[-1] if vouched or named else ""
    why = "nothing, or not all, is signed by a key that is trusted" if trusted else "no key was given"
    end(*(6, f"tampered: record {bad[0]} is not signed by the key in force") if bad else (4, f"unverifiable: {why}") if doubt else (0, "intact"))
try: verify(*sys.argv[1:])
except (ImportError, zlib.error, ValueError, KeyError, AttributeError) as error:
    end(*((4, f"unverifiable: {error}") if isinstance(error, ImportError) else (6, f"tampered: a file is damaged: {error}")))
