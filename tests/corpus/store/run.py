#!/usr/bin/env python3
"""Judges a server by recorded answers of Elasticsearch 7.10.2 and OpenSearch 2.19.1 (standard library only).

    run.py --url http://127.0.0.1:9200 [--area query] [--name TEXT] [-v] [--json out.json]

It loads the data set of data/ into indices `wbc-*`, runs the cases of cases/*.json and deletes what it
made. A case passes when every checked request is answered as one of the accepted recorded answers. How
answers are compared is in README.md, section 2. Exit 0: all that ran passed; 1: some failed;
2: nothing ran or no server.
"""
import argparse
import collections
import copy
import fnmatch
import gzip
import http.client
import json
import pathlib
import re
import sys
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
MISSING = object()


# --- HTTP ------------------------------------------------------------------------------------------

class Answer:
    def __init__(self, status, headers, raw):
        self.status, self.headers, self.raw = status, headers, raw
        body = raw
        if headers.get("content-encoding") == "gzip":
            try:
                body = gzip.decompress(raw)
            except OSError:
                pass
        self.text = body.decode("utf-8", "replace")
        self.type = headers.get("content-type", "").split(";")[0].strip().lower()
        self.json = MISSING
        if self.text.strip() and self.type not in ("application/yaml", "text/plain"):
            try:
                self.json = json.loads(self.text)
            except ValueError:
                pass

    def body(self):
        """The body as cases hold it: parsed JSON, or {"<<text>>": …}, or None when empty."""
        if not self.text:
            return None
        return {"<<text>>": self.text} if self.json is MISSING else self.json


class Http:
    def __init__(self, url, timeout=60, auth=None):
        u = urllib.parse.urlsplit(url)
        self.host, self.port, self.tls, self.timeout, self.auth = u.hostname, u.port, u.scheme == "https", timeout, auth
        self.conn = None

    def send(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if self.auth:
            headers.setdefault("authorization", self.auth)
        for attempt in (1, 2):
            if self.conn is None:
                kind = http.client.HTTPSConnection if self.tls else http.client.HTTPConnection
                self.conn = kind(self.host, self.port, timeout=self.timeout)
            try:
                self.conn.putrequest(method, path, skip_accept_encoding=True)
                if body is not None:
                    self.conn.putheader("content-length", str(len(body)))
                elif method in ("POST", "PUT"):
                    self.conn.putheader("content-length", "0")
                for k, v in headers.items():
                    self.conn.putheader(k, v)
                self.conn.endheaders(body)
                r = self.conn.getresponse()
                raw = r.read()
                got = {}
                for k, v in r.getheaders():
                    got[k.lower()] = got[k.lower()] + ", " + v if k.lower() in got else v
                if r.will_close:
                    self.conn.close()
                    self.conn = None
                return Answer(r.status, got, raw)
            except (http.client.HTTPException, OSError):
                if self.conn:
                    self.conn.close()
                self.conn = None
                if attempt == 2:
                    raise


def encode(request, saved):
    """(method, path, body bytes, headers) of a case's request; ${name} is a saved value."""
    def fill(x):
        if isinstance(x, str):
            return re.sub(r"\$\{(\w+)\}", lambda m: str(saved.get(m.group(1), m.group(0))), x)
        if isinstance(x, list):
            return [fill(v) for v in x]
        if isinstance(x, dict):
            return {fill(k): fill(v) for k, v in x.items()}
        return x
    path = fill(request["path"])
    if request.get("query"):
        path += "?" + urllib.parse.urlencode({k: fill(str(v)) for k, v in request["query"].items()})
    path = urllib.parse.quote(path, safe="%/?&=:,*~+-._!$'();@[]|^{}\\\"<>`" if request.get("loose_path") else "%/?&=:,*~+-._!$'();@")
    headers = {k.lower(): v for k, v in request.get("headers", {}).items()}
    body = None
    if "ndjson" in request:
        body = "".join((fill(l) if isinstance(l, str) else json.dumps(fill(l), ensure_ascii=False)) + "\n" for l in request["ndjson"]).encode()
        headers.setdefault("content-type", "application/x-ndjson")
    elif "raw" in request:
        body = fill(request["raw"]).encode()
        headers.setdefault("content-type", "application/json")
    elif "repeat" in request:                                 # a big body: {"repeat": [head, unit, times, tail]}
        head, unit, times, tail = request["repeat"]
        body = (head + unit * times + tail).encode()
        headers.setdefault("content-type", "application/json")
    elif "body" in request:
        body = json.dumps(fill(request["body"]), ensure_ascii=False).encode()
        headers.setdefault("content-type", "application/json")
    if request.get("gzip"):
        body = gzip.compress(body)
        headers.setdefault("content-encoding", "gzip")
    headers = {k: v for k, v in headers.items() if v is not None}   # null: leave the header out
    return request["method"], path, body, headers


# --- comparing ---------------------------------------------------------------------------------------

JVM = re.compile(r"org\.(elasticsearch|opensearch|apache|joda)\.|com\.fasterxml|java\.|\[Source: |Encountered \"|Lexical error|Was expecting|"
                 r"Unexpected (character|end-of-input|close)|Unrecognized token|JSON|Duplicate field|XContentParser|Lucene|\$Lambda|\(\) is null|maxDeterminizedStates")
JVM_TYPES = {"null_pointer_exception", "array_index_out_of_bounds_exception", "string_index_out_of_bounds_exception", "index_out_of_bounds_exception",
             "class_cast_exception", "e_o_f_exception"}
ANY_INT = {("_shards", "total"), ("_shards", "successful"), ("_shards", "skipped"), ("shards", "total"), ("shards", "successful")}
SAME_TYPE = {"json_parse_exception": "x_content_parse_exception", "json_e_o_f_exception": "x_content_e_o_f_exception",   # what later 8.x calls them
             "content_type_header_exception": "media_type_header_exception"}
ANY_VALUE = {"took", "ingest_took", "task_max_waiting_in_queue_millis", "number_of_pending_tasks", "number_of_in_flight_fetch", "cluster_name", "took_in_millis", "node", "_scroll_id", "pit_id", "uuid", "index_uuid", "cluster_uuid", "creation_date", "took_millis",
             "throttled_millis", "throttled_until_millis", "creation_time", "index_uuid"}
NUMBER = (int, float)


def same_text(a, positions=False):
    if not positions:
        a = re.sub(r"\[\d+:\d+\]", "[l:c]", a)
    a = a.replace("opensearch", "elasticsearch").replace("OpenSearch", "Elasticsearch").replace("Opensearch", "Elasticsearch")
    a = re.sub(r"@[0-9a-f]{5,8}\b", "@hash", a)
    a = re.sub(r"/[A-Za-z0-9_-]{22}\]", "/uuid]", a)
    return re.sub(r"\[([^\[\]]*,[^\[\]]*)\]", lambda m: "[" + ", ".join(sorted(x.strip() for x in m[1].split(","))) + "]", a)


def parts(pattern):
    """a.*.b or, where member names have dots, a/*/b.c"""
    return pattern.split("/") if "/" in pattern else pattern.split(".")


class Compare:
    def __init__(self, rules, errors="normal", request_text=""):
        self.errors, self.request_text, self.notes = errors, request_text, []
        self.ignore = [parts(p) for p in rules.get("ignore", [])]
        self.unordered = [parts(p) for p in rules.get("unordered", [])]
        self.tolerance = [(parts(p), t) for p, t in rules.get("tolerance", {}).items()]
        self.subset = rules.get("subset", False)
        self.positions = rules.get("positions", False)
        self.score = rules.get("score", "any")

    @staticmethod
    def hit(pattern, path):
        if not pattern:
            return not path
        if pattern[0] == "**":
            return any(Compare.hit(pattern[1:], path[i:]) for i in range(len(path) + 1))
        return bool(path) and fnmatch.fnmatchcase(str(path[0]), pattern[0]) and Compare.hit(pattern[1:], path[1:])

    def no(self, path, exp, act):
        show = lambda x: "nothing" if x is MISSING else json.dumps(x, ensure_ascii=False)[:300]
        self.notes.append(f"{'.'.join(map(str, path)) or 'body'}: want {show(exp)}, got {show(act)}")
        return False

    def reason(self, exp, act):
        if exp == act:
            return True
        if self.errors == "exact" or not isinstance(act, str):
            return False
        if self.errors == "type":
            return bool(act)
        e, a = same_text(exp, self.positions), same_text(act, self.positions)
        if e == a:
            return True
        if not JVM.search(exp) or not a.strip():
            return False
        asked = [t for t in re.findall(r"\[([^\[\]]{1,80})\]", exp) if t in self.request_text]
        return all(t in act for t in asked)

    def __call__(self, exp, act, path=(), in_error=False):
        if any(self.hit(p, path) for p in self.ignore):
            return True
        key = path[-1] if path else None
        if exp is MISSING or act is MISSING:
            return self.no(path, exp, act)
        if isinstance(exp, str) and exp.startswith("<<") and exp.endswith(">>") and exp != act:
            return self.placeholder(exp[2:-2], act) or self.no(path, exp, act)
        if path[-2:] in ANY_INT and isinstance(act, int) and not isinstance(act, bool):
            return True
        if key in ANY_VALUE and type(exp) is type(act):
            return True
        if key in ("_score", "max_score") and self.score == "any" and isinstance(exp, NUMBER) and isinstance(act, NUMBER):
            return True
        if isinstance(exp, dict):
            return isinstance(act, dict) and self.objects(exp, act, path, in_error) or (not isinstance(act, dict) and self.no(path, exp, act))
        if isinstance(exp, list):
            if not isinstance(act, list):
                return self.no(path, exp, act)
            return self.lists(exp, act, path, in_error)
        if in_error and key == "type" and self.errors != "exact" and isinstance(act, str) and SAME_TYPE.get(exp, exp) == SAME_TYPE.get(act, act):
            return True
        if in_error and key in ("line", "col") and self.errors != "exact" and not self.positions:
            return isinstance(act, int) or self.no(path, exp, act)
        if in_error and key in ("reason", "error") and isinstance(exp, str):
            return self.reason(exp, act) or self.no(path, exp, act)
        if isinstance(exp, bool) or isinstance(act, bool) or exp is None or act is None:
            return exp is act or self.no(path, exp, act)
        if isinstance(exp, NUMBER) and isinstance(act, NUMBER):
            return self.numbers(exp, act, path) or self.no(path, exp, act)
        return exp == act or self.no(path, exp, act)

    def numbers(self, exp, act, path):
        rel = max([t for p, t in self.tolerance if self.hit(p, path)], default=1e-9)
        if path[-1:] in (("_score",), ("max_score",)):
            rel = max(rel, 1e-4)
        if isinstance(exp, int) and isinstance(act, int) and rel < 1e-6:
            return exp == act
        if type(exp) is not type(act):                        # 20 is not 20.0 for whoever prints it
            return False
        return abs(exp - act) <= max(rel * max(abs(exp), abs(act)), 1e-12)

    def placeholder(self, what, act):
        if what == "any":
            return True
        if what == "int":
            return isinstance(act, int) and not isinstance(act, bool)
        if what == "num":
            return isinstance(act, NUMBER) and not isinstance(act, bool)
        if what == "str":
            return isinstance(act, str) and act != ""
        if what == "bool":
            return isinstance(act, bool)
        if what == "obj":
            return isinstance(act, dict)
        if what == "list":
            return isinstance(act, list)
        if what.startswith("re:"):
            return re.fullmatch(what[3:], str(act), re.S) is not None
        return False

    def objects(self, exp, act, path, in_error):
        if "<<text>>" in exp:
            if "<<text>>" not in act:
                return self.no(path, exp, act)
            return self.texts(exp["<<text>>"], act["<<text>>"])
        if set(exp) == {"<<key>>"}:
            return bool(act) and all(self(exp["<<key>>"], v, path + ("*",), in_error) for v in act.values()) or (not act and self.no(path, exp, act))
        if path[-1:] == ("hits",) and "total" in exp:
            self.total = exp["total"].get("value") if isinstance(exp["total"], dict) else exp["total"]
        ok, error = True, in_error or "root_cause" in exp or ("type" in exp and "reason" in exp)
        for k, v in exp.items():
            inner = error or k == "failures" or k == "error" and (isinstance(v, str) or isinstance(v, dict) and bool({"root_cause", "reason", "type"} & set(v)))
            if inner and k == "caused_by" and self.errors != "exact":
                ok &= self.cause(v, act.get(k, MISSING), path + (k,))
            elif inner and k in ("script_stack", "stack_trace", "bytes_wanted", "lang", "script", "position", "phase", "grouped") and self.errors != "exact":
                continue
            elif inner and k in ("root_cause", "failed_shards") and self.errors == "type":
                continue
            else:
                ok &= self(v, act.get(k, MISSING), path + (k,), inner)
        if not self.subset and not (error and self.errors != "exact"):
            for k in act:
                if k not in exp and not any(self.hit(p, path + (k,)) for p in self.ignore):
                    ok = self.no(path + (k,), MISSING, act[k])
        return ok

    def cause(self, exp, act, path):
        """Causes are compared one level deep, and only where they are not the JVM's own."""
        if self.errors == "type" or exp.get("type") in JVM_TYPES or JVM.search(json.dumps(exp, ensure_ascii=False)):
            return True
        if not isinstance(act, dict):
            return self.no(path, exp, act)
        ok = self(exp.get("type"), act.get("type"), path + ("type",), True)
        return ok and (exp.get("reason") is None or self(exp["reason"], act.get("reason", MISSING), path + ("reason",), True))

    def lists(self, exp, act, path, in_error):
        if len(exp) != len(act):
            return self.no(path, exp, act)
        if any(self.hit(p, path) for p in self.unordered) or path[-1:] in (("root_cause",), ("failed_shards",)):
            left, keep = list(act), self.notes
            for e in exp:
                self.notes = []
                found = next((i for i, a in enumerate(left) if self(e, a, path + (0,), in_error)), None)
                self.notes = keep
                if found is None:
                    return self.no(path, e, left)
                del left[found]
            return True
        if path[-2:] == ("hits", "hits") and all(isinstance(e, dict) and isinstance(e.get("_score"), NUMBER) and "sort" not in e for e in exp):
            return self.ranked(exp, act, path)
        return all([self(e, a, path + (i,), in_error) for i, (e, a) in enumerate(zip(exp, act))])

    def ranked(self, exp, act, path):
        """Hits in order of score; those of one score in any order."""
        ok, i = True, 0
        total = getattr(self, "total", None)
        while i < len(exp):
            j = i
            while j < len(exp) and abs(exp[j]["_score"] - exp[i]["_score"]) <= 1e-6 * abs(exp[i]["_score"]):
                j += 1
            if j == len(exp) and isinstance(total, int) and total > len(exp) and self.errors != "exact":
                exp = exp[:i] + [{**e, "_id": "<<str>>", **({"_source": "<<obj>>"} if "_source" in e else {})} for e in exp[i:]]   # which ones made it is chance
            by = lambda h: (h.get("_index", ""), h.get("_id", "")) if isinstance(h, dict) else ("", "")
            ok &= all([self(e, a, path + (i,), False) for e, a in zip(sorted(exp[i:j], key=by), sorted(act[i:j], key=by))])
            i = j
        return ok

    def texts(self, exp, act):
        """Plain text and YAML: line by line, words apart by any white space; a word may be a placeholder."""
        ea, aa = [[w.split() for w in x.rstrip("\n").split("\n")] for x in (exp, act)]
        if len(ea) != len(aa):
            return self.no(("text",), exp, act)
        for el, al in zip(ea, aa):
            if len(el) != len(al):
                return self.no(("text",), " ".join(el), " ".join(al))
            for e, a in zip(el, al):
                if e == a:
                    continue
                if e.startswith("<<") and e.endswith(">>"):
                    if not self.placeholder(e[2:-2].replace("num", "re:[0-9.]+").replace("int", "re:[0-9]+"), a):
                        return self.no(("text",), " ".join(el), " ".join(al))
                elif e != a and same_text(e) != same_text(a):
                    return self.no(("text",), " ".join(el), " ".join(al))
        return True


def drop_types(x):
    """7.x says `"_type":"_doc"` with each `_index`; nobody after it does."""
    if isinstance(x, dict):
        return {k: drop_types(v) for k, v in x.items() if not (k == "_type" and v in ("_doc", None)) and not (k == "type" and v == "_doc" and "cause" in x)}
    if isinstance(x, str) and x.startswith("---\n"):
        return re.sub(r"(?m)^\s+_type: \"_doc\"\n", "", x)
    return [drop_types(v) for v in x] if isinstance(x, list) else x


def judge(step, answer, engine, errors):
    """(accepted as which engine | None, notes of the nearest miss)."""
    body = answer.body()
    if engine == "es7":
        body = drop_types(body)
    best = None
    wanted = [e for e in step["expect"] if engine in e["as"]] if engine in ("es7", "os2") else \
        sorted([e for e in step["expect"] if e.get("product", True)], key=lambda e: "es8" not in e["as"])
    request_text = json.dumps(step["request"], ensure_ascii=False)
    request_text += request_text.encode().decode("unicode_escape", "ignore") if "\\" in request_text else ""
    for exp in wanted:
        c = Compare(step.get("rules", {}), errors, urllib.parse.unquote(request_text))
        ok = True
        if exp["status"] != answer.status:
            e = body.get("error") if isinstance(body, dict) else body
            notes = [f"status: want {exp['status']}, got {answer.status} {json.dumps(e.get('reason', e) if isinstance(e, dict) else e, ensure_ascii=False)[:300]}"]
            best = notes if best is None else best
            continue
        if exp.get("type") is not None and exp["type"] != answer.type:
            ok = c.no(("content-type",), exp["type"], answer.type)
        for k, v in exp.get("headers", {}).items():
            got = answer.headers.get(k, MISSING)
            if k == "allow" and got is not MISSING:
                v, got = sorted(v.replace(" ", "").split(",")), sorted(got.replace(" ", "").split(","))
            ok &= (got is MISSING or c.no((k,), v, got)) if v is None else c(v, got, (k,))
        if "body" in exp:
            ok &= c(exp["body"], body)
        if ok:
            return ("es8" if "es8" in exp["as"] else exp["as"][0]), []
        if best is None or best[0].startswith("status: want") or len(c.notes) < len(best):
            best = c.notes
    return None, best or [f"no accepted answer recorded for {engine}"]


# --- running -----------------------------------------------------------------------------------------

class Runner:
    def __init__(self, http_, fixtures, data, errors="normal"):
        self.http, self.fixtures, self.data, self.errors = http_, fixtures, data, errors
        self.loaded, self.used, self.broken = set(), [], {}
        self.engine = "other"

    def call(self, request, saved=None):
        m, p, b, h = encode(request, saved or {})
        self.track(m, p)
        return self.http.send(m, p, b, h)

    def track(self, method, path):
        """Remembers what has to be deleted after a case."""
        if method in ("PUT", "POST"):
            m = re.match(r"/(_data_stream|_index_template|_component_template|_template|_ingest/pipeline|_scripts)/([\w.-]+)(\?|$)", path)
            if m and f"/{m[1]}/{m[2]}" not in self.used:
                self.used.append(f"/{m[1]}/{m[2]}")

    def which(self):
        a = self.http.send("GET", "/")
        v = a.json.get("version", {}) if isinstance(a.json, dict) else {}
        v = v if isinstance(v, dict) else {}
        if v.get("distribution") == "opensearch":
            self.engine = "os2"
        elif str(v.get("number", "")).startswith("7."):
            self.engine = "es7"
        return a

    def load(self, name):
        if name in self.loaded:
            return
        if len(self.broken.get(name, [])) > 1:                # do not try for every case
            raise RuntimeError(self.broken[name][-1])
        try:
            self.fill(name)
        except (http.client.HTTPException, OSError, RuntimeError) as e:
            self.broken.setdefault(name, []).append(str(e))
            raise

    def fill(self, name):
        f = self.fixtures[name]
        for index in f["indices"]:
            self.http.send("DELETE", "/" + index)
            a = self.call({"method": "PUT", "path": "/" + index, "body": f["body"]})
            if a.status != 200:
                raise RuntimeError(f"fixture {name}: PUT /{index} answered {a.status}: {a.text[:200]}")
        lines, count = [], 0
        for line in (self.data / f["file"]).read_text(encoding="utf-8").splitlines():
            index, id_, source = json.loads(line)
            lines += [{"index": {"_index": index, "_id": id_}}, source]
            count += 1
        a = self.call({"method": "POST", "path": "/_bulk", "query": {"refresh": "true"}, "ndjson": lines})
        if a.status != 200 or not isinstance(a.json, dict) or a.json.get("errors") is not False:
            raise RuntimeError(f"fixture {name}: _bulk answered {a.status}: {a.text[:300]}")
        names = ",".join(f["indices"])
        self.http.send("POST", f"/{names}/_forcemerge?max_num_segments=1")
        self.http.send("POST", f"/{names}/_refresh")
        a = self.http.send("GET", f"/{names}/_count")
        if a.status != 200 or not isinstance(a.json, dict) or a.json.get("count") != count:
            raise RuntimeError(f"fixture {name}: _count answered {a.status} {a.text[:200]}, want {count}")
        self.loaded.add(name)

    def run(self, case):
        """(ok, notes, accepted-as list, answers)."""
        saved, notes, taken, answers = {}, [], [], []
        try:
            for name in case.get("fixtures", []):
                self.load(name)
            for step in case.get("setup", []):
                a = self.call(step, saved)
                if a.status >= 400 and not step.get("may_fail"):
                    return False, [f"setup {step['method']} {step['path']} answered {a.status}: {a.text[:200]}"], taken, answers
                self.keep(step, a, saved)
            for i, step in enumerate([case] + case.get("then", [])):
                a = self.call(step["request"], saved)
                answers.append(a)
                self.keep(step["request"], a, saved)
                if "expect" not in step:
                    continue
                step = dict(step, rules={**case.get("rules", {}), **step.get("rules", {})})
                as_, why = judge(step, a, self.engine, self.errors)
                taken.append(as_)
                if as_ is None:
                    where = f"step {i + 1}: " if case.get("then") else ""
                    notes += [where + n for n in why]
        except (http.client.HTTPException, OSError, RuntimeError, ValueError) as e:
            notes.append(f"{type(e).__name__}: {e}")
        finally:
            self.tidy(case)
        return not notes, notes, taken, answers

    @staticmethod
    def keep(step, answer, saved):
        for name, path in step.get("save", {}).items():
            x = answer.json
            for part in path.split("."):
                x = x[int(part)] if isinstance(x, list) and part.isdigit() and int(part) < len(x) else x.get(part) if isinstance(x, dict) else None
            saved[name] = x if x is not None else ""

    def tidy(self, case):
        try:
            for request in case.get("teardown", []):
                self.http.send(*encode(request, {}))
            order = ["_data_stream", "_index_template", "_component_template", "_template", "_ingest", "_scripts"]
            for path in sorted(self.used, key=lambda p: order.index(p.split("/")[1])):
                self.http.send("DELETE", path)
            self.used = []
            if case.get("writes"):
                a = self.http.send("DELETE", "/wbc-t-*?expand_wildcards=all&ignore_unavailable=true")
                if a.status != 200:                           # no wildcards there: one by one
                    text = json.dumps(case, ensure_ascii=False)
                    for name in sorted(set(re.findall(r"wbc-t-[\w.-]+", text))):
                        self.http.send("DELETE", "/" + urllib.parse.quote(name))
        except (http.client.HTTPException, OSError):
            pass

    def clean(self):
        self.http.send("DELETE", "/_data_stream/wbc-*")
        a = self.http.send("DELETE", "/wbc-*?expand_wildcards=all&ignore_unavailable=true")
        if a.status != 200:
            a = self.http.send("GET", "/_cat/indices/wbc-*?h=index&expand_wildcards=all")
            if a.status == 200:
                for name in a.text.split():
                    if name.startswith("wbc-"):
                        self.http.send("DELETE", "/" + name)
        for kind in ("_index_template", "_component_template", "_template"):
            self.http.send("DELETE", f"/{kind}/wbc-*")
        self.loaded = set()


def read_cases(folder, areas, name):
    cases = []
    for file in sorted(pathlib.Path(folder).glob("*.json")):
        if areas and not any(fnmatch.fnmatch(file.stem, a) or file.stem.startswith(a) for a in areas):
            continue
        for case in json.loads(file.read_text(encoding="utf-8")):
            if not name or name in case["name"] or fnmatch.fnmatch(case["name"], name):
                cases.append((file.stem, case))
    return cases


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--url", required=True)
    ap.add_argument("--cases", default=str(HERE / "cases"), help="folder of case files (default: beside this script)")
    ap.add_argument("--data", default=str(HERE / "data"))
    ap.add_argument("--area", action="append", help="only this area (file name or its beginning; repeatable)")
    ap.add_argument("--name", help="only cases whose name contains or matches this")
    ap.add_argument("--errors", choices=["type", "normal", "exact"], default="normal", help="how strictly error texts are compared")
    ap.add_argument("--as", dest="engine", choices=["es7", "os2", "product"], help="judge as this engine (default: by version of GET /)")
    ap.add_argument("--timeout", type=float, default=30, help="seconds a request may take")
    ap.add_argument("--basic-auth", help="user:password")
    ap.add_argument("--list", action="store_true")
    ap.add_argument("--fail-fast", action="store_true")
    ap.add_argument("--keep", action="store_true", help="leave the indices there")
    ap.add_argument("--allow-remote", action="store_true", help="this run writes and deletes: other hosts than loopback need this")
    ap.add_argument("--json", help="write results here")
    ap.add_argument("-v", action="count", default=0, help="-v: every difference; -vv: also the answer")
    args = ap.parse_args()
    cases = read_cases(args.cases, args.area, args.name)
    if args.list:
        for area, c in cases:
            print(area, c["name"])
        return 0
    host = urllib.parse.urlsplit(args.url).hostname or ""
    if not (host in ("localhost", "::1") or re.fullmatch(r"127\.\d+\.\d+\.\d+", host)) and not args.allow_remote:
        print(f"{host} is not this machine; --allow-remote if you mean it", file=sys.stderr)
        return 2
    auth = None
    if args.basic_auth:
        import base64
        auth = "Basic " + base64.b64encode(args.basic_auth.encode()).decode()
    data = pathlib.Path(args.data)
    runner = Runner(Http(args.url, args.timeout, auth), json.loads((data / "fixtures.json").read_text(encoding="utf-8")), data, args.errors)
    try:
        runner.which()
    except (http.client.HTTPException, OSError) as e:
        print(f"no server at {args.url}: {e}", file=sys.stderr)
        return 2
    if args.engine:
        runner.engine = {"product": "other"}.get(args.engine, args.engine)
    try:
        runner.clean()
    except (http.client.HTTPException, OSError):
        pass
    count, results, begun, per = collections.Counter(), [], time.time(), collections.defaultdict(collections.Counter)
    accepted, silent = collections.Counter(), 0
    for area, case in cases:
        if runner.engine in case.get("skip", []):
            count["skipped"] += 1
            per[area]["skipped"] += 1
            results.append({"area": area, "name": case["name"], "result": "skipped"})
            if args.v:
                print(f"skip {case['name']}: not answered in a comparable way by {runner.engine}")
            continue
        ok, notes, taken, answers = runner.run(copy.deepcopy(case))
        accepted.update(t for t in taken if t)
        count["passed" if ok else "failed"] += 1
        per[area]["passed" if ok else "failed"] += 1
        results.append({"area": area, "name": case["name"], "result": "passed" if ok else "failed", "notes": notes})
        if not ok:
            print(f"FAIL {case['name']}")
            for n in notes if args.v else notes[:2]:
                print("     " + n[:1000 if args.v else 300])
            silent = silent + 1 if not answers and any(re.match(r"\w*(Error|Disconnected|Exception|timeout)", n) for n in notes) and not any("fixture" in n for n in notes) else 0
            if silent >= 10:
                print("ten cases in a row got no answer: stopping")
                break
            if args.v > 1:
                for a in answers:
                    print(f"     answered {a.status} {a.text[:3000]}")
            if args.fail_fast:
                break
        elif args.v:
            print(f"ok   {case['name']}")
    if not args.keep:
        try:
            runner.clean()
        except (http.client.HTTPException, OSError):
            pass
    print()
    for area in sorted(per):
        print(f"{area:24} " + ", ".join(f"{n} {k}" for k, n in sorted(per[area].items(), reverse=True)))
    print(f"judged as {runner.engine}; answers accepted as " + (", ".join(f"{k}: {n}" for k, n in sorted(accepted.items())) or "none") + f"; {time.time() - begun:.0f} s")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"engine": runner.engine, "counts": count, "areas": per, "cases": results}, ensure_ascii=False, indent=1))
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 2 if not count["passed"] + count["failed"] else 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
