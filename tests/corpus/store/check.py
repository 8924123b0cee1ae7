#!/usr/bin/env python3
"""Runs the corpus against a server and compares with the list of expected failures, both ways (standard library only).

    check.py --url http://127.0.0.1:9200 [--area NAME]... [--name TEXT] [--expected FILE] [--write] [-v]

A case that fails and is not on the list is a regression. A case that passes and is on the list must leave it. Prints the rate
of every area and closes with "N passed, N failed", where a case passes when it does what the list says. Exit 0: all did.
--write brings the list up to date: what passes leaves it, what fails is put at its end, to be sorted in with its reason.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def read_expected(path):
    """Names of cases that are expected to fail; a comment above a group says why."""
    names, twice = set(), []
    for line in path.read_text(encoding="utf-8").splitlines():
        name = line.strip()
        if name and not name.startswith("#"):
            twice += [name] if name in names else []
            names.add(name)
    return names, twice


def rewrite(path, cases):
    """The list without what passes, and with what fails and is not on it."""
    failing = [case["name"] for case in cases if case["result"] == "failed"]
    known, _ = read_expected(path)
    gone = {case["name"] for case in cases if case["result"] == "passed"}
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() not in gone]
    groups = "\n".join(lines).split("\n\n")
    kept = [group for group in groups if any(not line.startswith("#") for line in group.splitlines()) or group is groups[0]]
    new = [name for name in failing if name not in known]
    kept += ["# to be explained\n" + "\n".join(new)] if new else []
    path.write_text("\n\n".join(group.strip("\n") for group in kept) + "\n", encoding="utf-8")


def run(args):
    """What run.py found, or None if it could not run."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out.json"
        command = [sys.executable, str(HERE / "run.py"), "--url", args.url, "--json", str(out), "--as", "product"]
        for area in args.area or []:
            command += ["--area", area]
        command += ["--name", args.name] if args.name else []
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if args.v:
            print(done.stdout)
        if done.returncode not in (0, 1) or not out.exists():
            print(done.stdout[-2000:] + done.stderr[-2000:], file=sys.stderr)
            return None
        return json.loads(out.read_text(encoding="utf-8"))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--url", required=True)
    ap.add_argument("--area", action="append")
    ap.add_argument("--name")
    ap.add_argument("--expected", type=pathlib.Path, default=HERE / "expected-failures.txt")
    ap.add_argument("--write", action="store_true", help="bring the list up to date")
    ap.add_argument("-v", action="store_true", help="what run.py says, too")
    args = ap.parse_args()
    expected, twice = read_expected(args.expected)
    found = run(args)
    if found is None:
        return 2
    if args.write:
        rewrite(args.expected, found["cases"])
        expected, twice = read_expected(args.expected)
    rates, wrong = collections.defaultdict(lambda: [0, 0]), [f"on the list twice: {name}" for name in twice]
    seen = set()
    for case in found["cases"]:
        name, passed = case["name"], case["result"] == "passed"
        seen.add(name)
        if case["result"] == "skipped":
            continue
        rates[case["area"]][0] += passed
        rates[case["area"]][1] += 1
        if passed and name in expected:
            wrong.append(f"passes, and must leave the list: {name}")
        elif not passed and name not in expected:
            wrong.append(f"fails: {name}\n        " + "\n        ".join(note[:300] for note in case.get("notes", [])[:3]))
    whole = not args.area and not args.name
    if whole:
        wrong += [f"on the list, and no case: {name}" for name in sorted(expected - seen)]
    for line in wrong:
        print(line)
    print()
    for area, (passed, count) in sorted(rates.items()):
        print(f"{area:20} {passed:5} of {count:4}   {100 * passed / count:5.1f} %")
    passed, count = (sum(rate[at] for rate in rates.values()) for at in (0, 1))
    print(f"{'all':20} {passed:5} of {count:4}   {100 * passed / max(count, 1):5.1f} %")
    print(f"{count - sum(line.startswith(('fails', 'passes')) for line in wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
