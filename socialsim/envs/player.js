/* socialsim replay player. Plain JavaScript, no dependencies; many may live on one page.
   socialsimPlayer(root, data): root is an empty element, data what socialsim.envs.replay.replay_data gives.
   root.dataset.step always holds the step shown. */
(function () {
  "use strict";
  if (window.socialsimPlayer) return;

  const CSS = `
.ssp{font:13px/1.4 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:#2b3440;background:#fff;
 border:1px solid #e1e4e8;border-radius:10px;padding:14px;max-width:1000px;box-sizing:border-box}
.ssp *{box-sizing:border-box}.ssp canvas{display:block}
.ssp-title{font-weight:600;margin:0 0 10px}
.ssp-stage{display:flex;gap:18px;flex-wrap:wrap;align-items:flex-start}
.ssp-world{flex:1 1 340px;min-width:240px;max-width:560px}.ssp-world canvas{width:100%;border-radius:4px}
.ssp-side{flex:1 1 250px;min-width:220px}.ssp-side canvas{width:100%;cursor:pointer}
.ssp-bar{display:flex;gap:8px;align-items:center;margin-top:12px;flex-wrap:wrap}
.ssp-bar button{font:inherit;border:1px solid #d0d5dc;background:#fff;color:inherit;border-radius:6px;height:30px;
 min-width:32px;padding:0 8px;cursor:pointer}.ssp-bar button:hover{background:#f3f5f7}
.ssp-bar button.ssp-play{min-width:78px;background:#2b3440;border-color:#2b3440;color:#fff}
.ssp-bar button.ssp-play:hover{background:#3c4856}
.ssp-bar input[type=range]{flex:1 1 140px;accent-color:#2b3440;min-width:100px;margin:0}
.ssp-bar select{font:inherit;border:1px solid #d0d5dc;border-radius:6px;height:30px;background:#fff;color:inherit}
.ssp :focus-visible{outline:2px solid #2c8fbf;outline-offset:2px}
.ssp-count{font-variant-numeric:tabular-nums;min-width:96px;text-align:right}
.ssp-key{display:flex;gap:5px 16px;flex-wrap:wrap;margin-top:10px;color:#5c6670;font-size:12px;align-items:center}
.ssp-key label{cursor:pointer;display:inline-flex;gap:5px;align-items:center}
.ssp-key input{margin:0;accent-color:#2b3440}.ssp-key span{display:inline-flex;gap:5px;align-items:center}
.ssp-key i{width:11px;height:11px;border-radius:2px;display:inline-block}
.ssp-key b{font-weight:600;color:#2b3440}`;

  function element(tag, className, parent, text) {
    const e = document.createElement(tag);
    if (className) e.className = className;
    if (text !== undefined) e.textContent = text;
    if (parent) parent.appendChild(e);
    return e;
  }

  /* Fields are flat integer arrays of T frames, or of one frame if nothing changes. */
  function reader(field, width, scale) {
    const moves = field.length > width;
    return (t, k) => field[(moves ? t * width : 0) + k] / scale;
  }

  function sized(canvas, width, height) {
    const ratio = window.devicePixelRatio || 1;
    const w = Math.round(width * ratio), h = Math.round(height * ratio);
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w; canvas.height = h; canvas.style.height = height + "px";
    }
    const c = canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    return c;
  }

  window.socialsimPlayer = function (root, data) {
    if (!document.getElementById("ssp-style")) {
      element("style", "", document.head, CSS).id = "ssp-style";
    }
    const A = data.agents, M = data.objects, T = data.steps, C = data.channels.length, P = data.palette;
    const pos = reader(data.position, A * 2, 100), head = reader(data.heading, A, 100), gaze = reader(data.gaze, A, 100);
    const act = reader(data.act, A, 1), load = reader(data.load, A, 100), joint = reader(data.joint, A, 100), sig = reader(data.signals, A * C, 1000);
    const opos = reader(data.object_position, M * 2, 100), goal = reader(data.object_goal, M * 2, 100);
    const there = reader(data.object_present, M, 1), feat = {};
    for (const f in data.features) feat[f] = reader(data.features[f], M, 100);
    const [x0, y0, x1, y1] = data.extent, colour = (i) => P.identity[i % P.identity.length];
    const tint = (c) => P.channel[c % P.channel.length];
    const solid = data.solids && data.solids.count > 0;
    const on = { cones: true, gaze: true, acts: true };
    let time = 0, playing = false, speed = 6, last = null, width = 480;

    root.classList.add("ssp");
    root.tabIndex = 0;
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", data.title || "replay");
    if (data.title) element("div", "ssp-title", root, data.title);
    const stage = element("div", "ssp-stage", root);
    const worldBox = element("div", "ssp-world", stage), world = element("canvas", "", worldBox);
    world.setAttribute("role", "img");
    world.setAttribute("aria-label", "the world seen from above");
    const sideBox = C ? element("div", "ssp-side", stage) : null, side = C ? element("canvas", "", sideBox) : null;
    const bar = element("div", "ssp-bar", root);
    const play = element("button", "ssp-play", bar, "▶ Play");
    const back = element("button", "", bar, "‹"), next = element("button", "", bar, "›");
    back.setAttribute("aria-label", "one step back");
    next.setAttribute("aria-label", "one step on");
    const slider = element("input", "", bar);
    Object.assign(slider, { type: "range", min: 0, max: T - 1, step: 1, value: 0 });
    slider.setAttribute("aria-label", "step");
    const rate = element("select", "", bar);
    rate.setAttribute("aria-label", "speed");
    for (const [label, v] of [["¼×", 1.5], ["½×", 3], ["1×", 6], ["2×", 12], ["4×", 24]]) {
      const o = element("option", "", rate, label);
      o.value = v; o.selected = v === speed;
    }
    const count = element("div", "ssp-count", bar);
    legend();

    function legend() {
      const key = element("div", "ssp-key", root);
      for (const [name, label] of [["cones", "fields of view"], ["gaze", "gaze"], ["acts", "acts"]]) {
        const l = element("label", "", key), box = element("input", "", l);
        Object.assign(box, { type: "checkbox", checked: true });
        box.onchange = () => { on[name] = box.checked; draw(); };
        l.append(label);
      }
      const item = (css, label) => {
        const s = element("span", "", key), i = element("i", "", s);
        i.style.cssText = css; s.append(label);
      };
      data.channels.forEach((c, k) => item("background:" + tint(k), c));
      item("border-radius:50%;background:" + P.flash, "joint success");
      if (data.features.needed.length) {
        let pads = false, loads = false;
        for (let m = 0; m < M; m++) if (feat.movable(0, m) > 0) loads = true; else if (feat.needed(0, m) > 0) pads = true;
        if (pads) item("border-radius:50%;border:3px solid " + P.ring_on, "pad: segments are agents needed");
        if (loads) item("background:" + P.load, solid ? "load" : "load: dots are agents needed");
        if (loads) item("border:1.5px dashed " + P.load, "where it belongs");
      }
      const signs = element("div", "ssp-key", root);
      data.acts.forEach((name, k) => {
        if (!data.glyphs[k]) return;
        const s = element("span", "", signs);
        element("b", "", s, data.glyphs[k]); s.append(name.replace(/_/g, " "));
      });
    }

    /* Between two frames things glide, unless they jump. */
    function glide(read, i, t, f) {
      const a = [read(t, 2 * i), read(t, 2 * i + 1)];
      if (!f) return a;
      const b = [read(t + 1, 2 * i), read(t + 1, 2 * i + 1)];
      if (Math.hypot(b[0] - a[0], b[1] - a[1]) > 1.6) return a;
      return [a[0] + f * (b[0] - a[0]), a[1] + f * (b[1] - a[1])];
    }
    function turn(read, i, t, f) {
      const a = read(t, i);
      if (!f) return a;
      const d = read(t + 1, i) - a;
      return a + f * Math.atan2(Math.sin(d), Math.cos(d));
    }

    function free(p, dx, dy) {  // how far one sees along a ray
      const sx = Math.abs(dx) < 1e-9 ? 1e-9 : dx, sy = Math.abs(dy) < 1e-9 ? 1e-9 : dy;
      let far = Math.min(Math.max((x0 - p[0]) / sx, (x1 - p[0]) / sx), Math.max((y0 - p[1]) / sy, (y1 - p[1]) / sy));
      far = Math.min(far, data.eyes.reach);
      if (!data.eyes.full_view) for (const w of data.walls) {
        const ax = (w[0] - p[0]) / sx, bx = (w[2] - p[0]) / sx, ay = (w[1] - p[1]) / sy, by = (w[3] - p[1]) / sy;
        const enter = Math.max(Math.min(ax, bx), Math.min(ay, by)), leave = Math.min(Math.max(ax, bx), Math.max(ay, by));
        if (leave > Math.max(enter, 0)) far = Math.min(far, Math.max(enter, 0));
      }
      return Math.max(far, 0);
    }

    function drawWorld(t, f) {
      const s = (width - 4) / (x1 - x0 + 0.5), pad = 2 + 0.25 * s, height = s * (y1 - y0) + 2 * pad;
      const c = sized(world, width, height);
      const X = (x) => pad + (x - x0) * s, Y = (y) => pad + (y1 - y) * s;
      const circle = (x, y, r) => { c.beginPath(); c.arc(X(x), Y(y), r * s, 0, 2 * Math.PI); };
      const shape = (points) => {
        c.beginPath();
        points.forEach((p, k) => (k ? c.lineTo(X(p[0]), Y(p[1])) : c.moveTo(X(p[0]), Y(p[1]))));
        c.closePath();
      };
      const polygons = (p, draw) => {
        if (!p || !p.count) return;
        const r = reader(p.points, p.count * p.corners * 2, 100);
        for (let n = 0; n < p.count; n++) {
          shape(Array.from({ length: p.corners }, (_, k) => glide(r, n * p.corners + k, t, f)));
          draw();
        }
      };
      c.fillStyle = P.floor; c.fillRect(X(x0), Y(y1), (x1 - x0) * s, (y1 - y0) * s);
      c.strokeStyle = P.line; c.lineWidth = 1; c.beginPath();
      for (let x = x0 + 1; x < x1 - 1e-3; x++) { c.moveTo(X(x), Y(y0)); c.lineTo(X(x), Y(y1)); }
      for (let y = y0 + 1; y < y1 - 1e-3; y++) { c.moveTo(X(x0), Y(y)); c.lineTo(X(x1), Y(y)); }
      c.stroke();
      polygons(data.zones, () => {
        c.fillStyle = P.ring_on + "14"; c.fill(); c.strokeStyle = P.ring_on + "55"; c.stroke();
      });
      const places = [], heads = [], looks = [];
      for (let i = 0; i < A; i++) {
        places.push(glide(pos, i, t, f)); heads.push(turn(head, i, t, f)); looks.push(turn(gaze, i, t, f));
      }
      if (on.cones) for (let i = 0; i < A; i++) {
        const half = Math.min(data.eyes.cone, 360) * Math.PI / 360, p = places[i], rim = [p];
        for (let k = 0; k <= 48; k++) {
          const a = looks[i] - half + (2 * half * k) / 48, d = free(p, Math.cos(a), Math.sin(a));
          rim.push([p[0] + d * Math.cos(a), p[1] + d * Math.sin(a)]);
        }
        shape(rim); c.fillStyle = colour(i) + "1a"; c.fill();
      }
      c.fillStyle = P.wall;
      for (const w of data.walls) c.fillRect(X(w[0]), Y(w[3]), (w[2] - w[0]) * s, (w[3] - w[1]) * s);
      for (let i = 0; i < A; i++) if (joint(t, i) > 0) {
        const swell = 1 + 0.25 * (f || 0.4);
        for (const r of [0.66, 0.88]) { circle(...places[i], r * swell); c.fillStyle = P.flash + "88"; c.fill(); }
      }
      for (let m = 0; m < M; m++) if (there(t, m)) {
        const [x, y] = glide(opos, m, t, f), n = Math.round(feat.needed(t, m)), got = Math.round(feat.present(t, m));
        if (solid && feat.movable(t, m) > 0) continue;
        if (feat.placed(t, m) > 0) {
          const gx = goal(t, 2 * m), gy = goal(t, 2 * m + 1);
          c.strokeStyle = P.load; c.lineWidth = 1.5; c.setLineDash([5, 3]);
          c.strokeRect(X(gx - 0.42), Y(gy + 0.42), 0.84 * s, 0.84 * s);
          c.setLineDash([1, 3]); c.lineWidth = 1; c.beginPath(); c.moveTo(X(x), Y(y)); c.lineTo(X(gx), Y(gy)); c.stroke();
          c.setLineDash([]);
        }
        if (feat.movable(t, m) > 0) {
          c.fillStyle = P.load; c.strokeStyle = "#6f573b"; c.lineWidth = 1;
          c.fillRect(X(x - 0.36), Y(y + 0.36), 0.72 * s, 0.72 * s); c.strokeRect(X(x - 0.36), Y(y + 0.36), 0.72 * s, 0.72 * s);
          const count = Math.max(n, 1), gap = Math.min(0.2, 0.6 / count);
          for (let k = 0; k < count; k++) { circle(x + (k - (count - 1) / 2) * gap, y, 0.07); c.fillStyle = "#fff"; c.fill(); }
        } else if (!n) {
          const offered = feat.resource(t, m), level = offered > 0 ? offered : feat.active(t, m);
          circle(x, y, 0.38); c.fillStyle = P.floor; c.fill(); c.lineWidth = 0.04 * s; c.strokeStyle = P.ring; c.stroke();
          if (level > 0) { circle(x, y, 0.36 * Math.sqrt(Math.min(level, 1))); c.fillStyle = P.ring_on; c.fill(); }
        } else {
          c.lineWidth = 0.2 * s;
          if (feat.active(t, m) > 0) { circle(x, y, 0.2); c.fillStyle = P.flash; c.fill(); }
          for (let k = 0; k < Math.max(n, 1); k++) {
            const gap = n > 1 ? 0.16 : 0, a = -Math.PI / 2 + (2 * Math.PI * k) / Math.max(n, 1);
            c.beginPath();
            c.arc(X(x), Y(y), 0.62 * s, a + gap, a + (2 * Math.PI) / Math.max(n, 1) - gap);
            c.strokeStyle = k < got ? P.ring_on : P.ring; c.stroke();
          }
        }
      }
      polygons(data.ghosts, () => { c.strokeStyle = P.load; c.lineWidth = 1.5; c.setLineDash([5, 3]); c.stroke(); c.setLineDash([]); });
      polygons(data.solids, () => { c.fillStyle = P.load; c.fill(); c.strokeStyle = "#6f573b"; c.lineWidth = 1; c.stroke(); });
      if (solid) for (let m = 0; m < M; m++) if (there(t, m) && feat.movable(t, m) > 0) {
        circle(opos(t, 2 * m), opos(t, 2 * m + 1), 0.09); c.fillStyle = "#fff"; c.fill();
      }
      if (on.gaze) for (const ij of data.sees[t]) {
        const i = Math.floor(ij / A), j = ij % A, [ax, ay] = places[i], [bx, by] = places[j], d = Math.hypot(bx - ax, by - ay);
        if (d < 0.8) continue;
        const wx = (bx - ax) / d, wy = (by - ay) / d, sx = -wy * 0.06, sy = wx * 0.06;
        const ex = bx - 0.46 * wx + sx, ey = by - 0.46 * wy + sy;
        c.globalAlpha = 0.8; c.strokeStyle = c.fillStyle = colour(i); c.lineWidth = 1.3; c.beginPath();
        c.moveTo(X(ax + 0.4 * wx + sx), Y(ay + 0.4 * wy + sy)); c.lineTo(X(ex - 0.2 * wx), Y(ey - 0.2 * wy)); c.stroke();
        shape([[ex, ey], [ex - 0.24 * wx - 0.1 * wy, ey - 0.24 * wy + 0.1 * wx], [ex - 0.24 * wx + 0.1 * wy, ey - 0.24 * wy - 0.1 * wx]]);
        c.fill(); c.globalAlpha = 1;
      }
      c.textAlign = "center"; c.textBaseline = "middle";
      for (let i = 0; i < A; i++) {
        const [x, y] = places[i], h = heads[i], g = looks[i], k = act(t, i), at = (r, o) => [x + 0.4 * r * Math.cos(h + o), y + 0.4 * r * Math.sin(h + o)];
        c.fillStyle = colour(i); c.strokeStyle = "#fff"; c.lineWidth = 1.2;
        shape([at(0.92, -0.47), at(1.36, 0), at(0.92, 0.47)]); c.fill(); c.stroke();
        circle(x, y, 0.4); c.fill(); c.stroke();
        circle(x + 0.27 * Math.cos(g), y + 0.27 * Math.sin(g), 0.12); c.fillStyle = "#fff"; c.fill();
        circle(x + 0.31 * Math.cos(g), y + 0.31 * Math.sin(g), 0.065); c.fillStyle = P.ink; c.fill();
        if (load(t, i) > 0) {
          const r = 0.1 + 0.12 * Math.min(load(t, i), 1), bx = x + 0.42 * Math.sin(h), by = y - 0.42 * Math.cos(h);
          c.fillStyle = P.load; c.strokeStyle = "#6f573b"; c.lineWidth = 1;
          c.fillRect(X(bx - r), Y(by + r), 2 * r * s, 2 * r * s); c.strokeRect(X(bx - r), Y(by + r), 2 * r * s, 2 * r * s);
        }
        c.fillStyle = "#fff"; c.font = "600 " + 0.34 * s + "px system-ui,sans-serif";
        c.fillText(i, X(x - 0.08 * Math.cos(g)), Y(y - 0.08 * Math.sin(g)));
        if (on.acts && data.glyphs[k]) {
          c.save(); c.translate(X(x + 0.46), Y(y + 0.46));
          if (data.acts[k] === "advance" || data.acts[k] === "retreat") c.rotate(Math.PI / 2 - h);
          c.fillStyle = P.ink; c.font = 0.32 * s + "px system-ui,'DejaVu Sans',sans-serif";
          c.fillText(data.glyphs[k], 0, 0); c.restore();
        }
      }
      c.strokeStyle = P.wall; c.lineWidth = 1.5; c.strokeRect(X(x0), Y(y1), (x1 - x0) * s, (y1 - y0) * s);
    }

    const LEFT = 34, RIGHT = 46, lane = Math.max(12, Math.min(28, 400 / (A * Math.max(C, 1)))), row = lane * C + 10;
    const top = Array.from({ length: C }, (_, c) => {  // one scale per channel, shared by all agents
      let most = 0.05;
      for (let k = c; k < data.signals.length; k += C) most = Math.max(most, Math.abs(data.signals[k]) / 1000);
      return most;
    });

    function drawSide(t) {
      const w = sideBox.clientWidth || 260, c = sized(side, w, row * A + 4), span = w - LEFT - RIGHT;
      const step = span / Math.max(T - 1, 1);
      c.textBaseline = "middle";
      for (let i = 0; i < A; i++) {
        const y = 4 + i * row, mid = y + (lane * C) / 2;
        c.beginPath(); c.arc(14, mid, 10, 0, 2 * Math.PI);
        if (joint(t, i) > 0) { c.lineWidth = 5; c.strokeStyle = P.flash; c.stroke(); }
        c.fillStyle = colour(i); c.fill();
        c.fillStyle = "#fff"; c.textAlign = "center"; c.font = "600 11px system-ui,sans-serif"; c.fillText(i, 14, mid + 0.5);
        for (let k = 0; k < C; k++) {
          const base = y + lane * (k + 0.72), up = lane * 0.66 / top[k], value = sig(t, i * C + k);
          c.fillStyle = "#f4f5f6"; c.fillRect(LEFT, y + lane * k + 1, span, lane - 2);
          for (const [from, to, alpha] of [[0, t, 0.9], [t, T - 1, 0.22]]) {
            if (to <= from) continue;
            c.beginPath(); c.moveTo(LEFT + from * step, base);
            for (let n = from; n <= to; n++) {
              const v = sig(n, i * C + k);  // dips below zero are cut at the lane's edge
              c.lineTo(LEFT + n * step, Math.min(base - v * up, y + lane * (k + 1) - 1));
            }
            c.lineTo(LEFT + to * step, base); c.closePath();
            c.globalAlpha = alpha; c.fillStyle = tint(k); c.fill(); c.globalAlpha = 1;
          }
          c.textAlign = "right"; c.font = "11px system-ui,sans-serif"; c.fillStyle = Math.abs(value) < 0.005 ? "#9aa2ab" : P.ink;
          c.fillText((Math.abs(value) < 0.005 ? 0 : value).toFixed(2).replace("-", "−"), w - 4, y + lane * (k + 0.5));
        }
        c.fillStyle = P.ink; c.fillRect(LEFT + t * step - 0.5, y, 1, lane * C);
      }
    }

    function draw() {
      const t = Math.min(Math.floor(time), T - 1), f = t < T - 1 ? time - t : 0;
      drawWorld(t, f);
      if (C) drawSide(t);
      slider.value = t;
      root.dataset.step = t;
      root.dataset.playing = playing;
      count.textContent = "step " + t + " / " + (T - 1);
    }
    function frame(now) {
      if (!playing) return;
      if (last !== null) time += Math.min(now - last, 200) / 1000 * speed;
      last = now;
      if (time >= T - 1) { time = T - 1; pause(); }
      draw();
      if (playing) requestAnimationFrame(frame);
    }
    function pause() { playing = false; time = Math.floor(time); play.textContent = "▶ Play"; draw(); }
    function start() {
      if (T < 2 || playing) return;
      if (time >= T - 1) time = 0;
      playing = true; last = null; play.textContent = "❚❚ Pause";
      requestAnimationFrame(frame);
    }
    function seek(t) { time = Math.max(0, Math.min(T - 1, t)); draw(); }

    play.onclick = () => (playing ? pause() : start());
    back.onclick = () => { pause(); seek(time - 1); };
    next.onclick = () => { pause(); seek(time + 1); };
    slider.oninput = () => seek(Number(slider.value));
    rate.onchange = () => { speed = Number(rate.value); };
    if (C) {
      const scrub = (e) => {
        const box = side.getBoundingClientRect();
        seek(Math.round(((e.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT)) * (T - 1)));
      };
      side.onpointerdown = (e) => { side.setPointerCapture(e.pointerId); scrub(e); };
      side.onpointermove = (e) => { if (e.buttons) scrub(e); };
    }
    root.onkeydown = (e) => {
      if (e.target !== root) return;
      const keys = { " ": play.onclick, ArrowLeft: back.onclick, ArrowRight: next.onclick };
      if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
    };
    function fit() { width = worldBox.clientWidth || width; draw(); }
    if (window.ResizeObserver) new ResizeObserver(() => requestAnimationFrame(fit)).observe(stage);
    fit();
    if (data.autoplay && !matchMedia("(prefers-reduced-motion: reduce)").matches) start();
    return { play: start, pause, seek };
  };
})();
