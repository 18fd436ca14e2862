"""DVC's page of plots draws in a browser that reaches no network."""

from __future__ import annotations

import json

from dg.reports.vega import write_plots_template

PLOT = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "data": {"values": [{"step": step, "total": 1 / (1 + step)} for step in range(9)]},
    "mark": "line",
    "encoding": {"x": {"field": "step", "type": "quantitative"}, "y": {"field": "total", "type": "quantitative"}},
}


def test_the_page_of_plots_draws_without_a_network(browser, tmp_path):
    page = tmp_path / "page.html"
    write_plots_template(page)
    drawn = f"<div id='plot'><script>vegaEmbed('#plot', {json.dumps(PLOT)});</script></div>"  # as DVC fills it in
    page.write_text(page.read_text("utf-8").replace("{plot_divs}", drawn).replace("{refresh_tag}", ""), "utf-8")
    tab = browser.new_page()
    asked, complaints = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(page.as_uri())
    tab.wait_for_selector("canvas.marks, svg.marks")
    assert asked == [page.as_uri()] and complaints == []
    tab.close()
