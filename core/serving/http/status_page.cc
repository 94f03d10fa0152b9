#include "core/serving/http/status_page.h"

namespace mirin::serving {

const char kPageStyle[] = R"css(
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; }
h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8886; padding: .35rem .6rem; text-align: left; vertical-align: top; }
td.n, th.n { font-variant-numeric: tabular-nums; text-align: right; }
code { font-family: ui-monospace, monospace; }
.good { color: #187d3c; } .bad { color: #c22f2f; }
@media (prefers-color-scheme: dark) { .good { color: #5fd08a; } .bad { color: #ff8080; } }
)css";

const char kStatusBody[] = R"html(
<h1>Model server</h1>
<p>Server: <strong id="state">asking</strong> <span id="version"></span></p>
<noscript><p>This page needs JavaScript; <a href="/status">/status</a> has the same as JSON.</p></noscript>
<h2>Servables</h2>
<table><thead><tr><th>Name</th><th class="n">Version</th><th>State</th><th>Methods</th><th class="n">Workers</th><th class="n">Queued</th></tr></thead>
<tbody id="servables"></tbody></table>
<h2>Methods</h2>
<table><thead><tr><th>Method</th><th class="n">Version</th><th class="n">Requests/s</th><th class="n">Latency</th><th class="n">Queue</th><th class="n">Compute</th>
<th class="n">Batch</th><th class="n">Requests</th><th class="n">Failed</th></tr></thead>
<tbody id="methods"></tbody></table>
<p><a href="/docs">Operations</a> · <a href="/metrics">Metrics</a> · <a href="/status">JSON</a></p>
)html";

// Rates and times are those between two answers.
const char kStatusScript[] = R"js(
"use strict";
let before = null;
function cell(row, text, type) {
  const td = row.insertCell();
  td.textContent = text;
  if (type) td.className = type;
}
function fill(id, rows) {
  const body = document.getElementById(id);
  body.replaceChildren(...rows);
}
function time(ns, count) {
  if (!count) return "–";
  const us = ns / count / 1000;
  return us < 1000 ? us.toFixed(0) + " µs" : (us / 1000).toFixed(us < 10000 ? 2 : 1) + " ms";
}
function servableRow(s) {
  const row = document.createElement("tr");
  cell(row, s.name);
  cell(row, s.version, "n");
  cell(row, s.reason ? s.state + ": " + s.reason : s.state, s.state === "READY" ? "good" : "bad");
  cell(row, s.methods.join(", "));
  cell(row, s.workers, "n");
  cell(row, s.queued, "n");
  return row;
}
function methodRow(m, old, seconds) {
  const zero = { success: { count: 0, ns: 0 }, fail: { count: 0, ns: 0 }, queue: { count: 0, ns: 0 }, compute_infer: { count: 0, ns: 0 } };
  const now = m.inference_stats, then = old ? old.inference_stats : zero;
  const diff = (part) => ({ count: now[part].count - then[part].count, ns: now[part].ns - then[part].ns });
  const good = diff("success"), queue = diff("queue"), compute = diff("compute_infer");
  const runs = m.execution_count - (old ? old.execution_count : 0);
  const instances = m.inference_count - (old ? old.inference_count : 0);
  const row = document.createElement("tr");
  cell(row, m.name);
  cell(row, m.version, "n");
  cell(row, old && seconds > 0 ? ((good.count + diff("fail").count) / seconds).toFixed(1) : "–", "n");
  cell(row, time(good.ns, good.count), "n");
  cell(row, time(queue.ns, queue.count), "n");
  cell(row, time(compute.ns, compute.count), "n");
  cell(row, runs ? (instances / runs).toFixed(1) : "–", "n");
  cell(row, now.success.count + now.fail.count, "n");
  cell(row, now.fail.count, now.fail.count ? "n bad" : "n");
  return row;
}
function show(status) {
  const state = document.getElementById("state");
  state.textContent = status.ready ? "ready" : status.live ? "not ready" : "not live";
  state.className = status.ready ? "good" : "bad";
  document.getElementById("version").textContent = "version " + status.version;
  fill("servables", status.servables.map(servableRow));
  const seconds = before ? (status.time_ms - before.time_ms) / 1000 : 0;
  const key = (m) => m.name + "\n" + m.version;
  const old = new Map((before ? before.model_stats : []).map((m) => [key(m), m]));
  fill("methods", status.model_stats.map((m) => methodRow(m, old.get(key(m)), seconds)));
  before = status;
}
async function poll() {
  try {
    const answer = await fetch("/status", { cache: "no-store" });
    show(await answer.json());
  } catch (error) {
    const state = document.getElementById("state");
    state.textContent = "does not answer";
    state.className = "bad";
  }
  setTimeout(poll, 2000);
}
poll();
)js";

}  // namespace mirin::serving
