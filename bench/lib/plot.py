"""The plot: three panels of bars drawn by hand as SVG, without scripts,
fonts or links from elsewhere.  Each bar is the ratio to the base (nginx where
it was measured) as in the table, its whisker the range over the rounds."""

from html import escape

from . import load
from .report import display, number

COLOURS = {"gateway": "#c1272d", "proxy": "#e9a03b", "nginx": "#2b8a57",
           "haproxy": "#3f6fb5"}
PANELS = (("rps", "requests per second", "higher is better", "%s/s", 1),
          ("cpu_us", "CPU per request of the proxy", "lower is better",
           "%s us", 1),
          ("p99_us", "p99 latency", "lower is better", "%s ms", 1e-3))
LEFT, TOP, HEIGHT, GAP, BAR = 60, 104, 170, 80, 24


def svg(result):
    """The text of the file; None when no base was measured."""
    summary = result["summary"]
    proxies = [p for p in COLOURS
               if any(p in figures for figures in summary.values())]
    base = next((b for b in ("nginx", "proxy") if b in proxies), None)
    if base is None:
        return None
    group = BAR * len(proxies) + 34
    width = max(LEFT + group * len(summary) + 20, 900)
    height = TOP + len(PANELS) * (HEIGHT + GAP) - 30
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
           'viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">'
           % (width, height, width, height),
           '<rect width="100%" height="100%" fill="white"/>']
    out += _header(result, proxies, base)
    for i, panel in enumerate(PANELS):
        top = TOP + i * (HEIGHT + GAP)
        out += _panel(panel, summary, proxies, base, top, group, width)
    out.append("</svg>\n")
    return "\n".join(out)


def _text(x, y, text, extra=""):
    return '<text x="%.1f" y="%.1f" %s>%s</text>' % (x, y, extra,
                                                      escape(text))


def _header(result, proxies, base):
    s, m = result["settings"], result["machine"]
    first = "Reverse proxies over one backend, relative to %s (= 1)" \
        % display(base)
    second = ("%s, commit %s%s, %s, %d cores, %s MPM, medians of %d rounds "
              "of %d s%s" % (
                  result["date"][:10], result["source"]["commit"],
                  " (modified)" if result["source"]["modified"] else "",
                  m["kernel"], m["cores"], s["mpm"], s["rounds"],
                  s["seconds"], "" if result["valid"] else " - INVALID"))
    out = [_text(LEFT, 24, first, 'font-size="17" font-weight="bold"'),
           _text(LEFT, 42, second, 'fill="#555"')]
    for i, name in enumerate(proxies):
        x = LEFT + i * 120
        out.append('<rect x="%d" y="54" width="12" height="12" fill="%s"/>'
                   % (x, COLOURS[name]))
        out.append(_text(x + 17, 64, display(name)))
    return out


def _panel(panel, summary, proxies, base, top, group, width):
    metric, title, hint, _unit, _scale = panel
    ratio = "%s_to_%s" % (metric, base)
    most = 1.12 * max([1.0] + [
        v for figures in summary.values() for f in figures.values()
        for v in f.get(ratio + "_range", ())])
    floor = top + HEIGHT
    out = [_text(LEFT, top - 8, "%s (%s)" % (title, hint),
                 'font-weight="bold"')]
    for tick in _ticks(most):
        y = floor - HEIGHT * tick / most
        strong = tick == 1
        out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="%s"/>'
                   % (LEFT, width - 20, y, y, "#888" if strong else "#ddd"))
        out.append(_text(LEFT - 6, y + 4, "%g" % tick,
                         'text-anchor="end" fill="#555"'))
    for i, (case, figures) in enumerate(summary.items()):
        if base in figures:
            out += _group(panel, case, figures, proxies, base, most, floor,
                          LEFT + i * group + 12)
    return out


def _ticks(most):
    step = next((s for s in (0.25, 0.5, 1, 2, 5, 10, 20, 50)
                 if most / s <= 7), 100)
    return sorted({i * step for i in range(int(most / step) + 1)} | {1})


def _group(panel, case, figures, proxies, base, most, floor, left):
    metric, _title, _hint, unit, scale = panel
    key = "%s_to_%s" % (metric, base)
    out, x = [], left
    for name in proxies:
        f = figures.get(name, {})
        if key not in f:
            continue
        ratio = f[key]
        tall = HEIGHT * ratio / most
        low, high = (HEIGHT * v / most for v in f[key + "_range"])
        absolute = unit % number(f[metric] * scale)
        out.append('<rect x="%.1f" y="%.1f" width="%d" height="%.1f" '
                   'fill="%s"><title>%s, %s: %s, %.2f</title></rect>'
                   % (x, floor - tall, BAR - 3, tall, COLOURS[name],
                      escape(case), display(name), absolute, ratio))
        middle = x + (BAR - 3) / 2
        out.append('<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" '
                   'stroke="#222"/>'
                   % (middle, middle, floor - low, floor - high))
        out.append(_text(middle, floor - max(tall, high) - 4,
                         "%.2f" % ratio,
                         'text-anchor="middle" font-size="10"'))
        x += BAR
    middle = (left + x) / 2
    texts = {c.name: c.text for c in load.CASES}
    out.append(_text(middle, floor + 16, case, 'text-anchor="middle"'))
    out.append(_text(middle, floor + 31, "%s %s" % (
        base, unit % number(figures[base][metric] * scale)),
        'text-anchor="middle" font-size="10" fill="#555"'))
    out.append("<!-- %s -->" % escape(texts[case]))
    return out
