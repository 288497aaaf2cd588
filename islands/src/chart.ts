// Values of a chart by pointer and by keyboard. The server draws the lines and writes the table that the values come from.

interface Reading {
  day: string;
  values: string[];
}

export function mount(chart: HTMLElement): void {
  const plot = chart.querySelector<HTMLElement>("[data-plot]");
  const cursor = chart.querySelector<SVGLineElement>("line.cursor");
  const readout = chart.querySelector<HTMLElement>("[data-readout]");
  const readings = readTable(chart);
  if (!plot || !cursor || !readout || readings.length === 0) return;
  let current = readings.length - 1;

  function show(index: number): void {
    current = Math.min(readings.length - 1, Math.max(0, index));
    const x = String((current / Math.max(1, readings.length - 1)) * 1000);
    cursor!.setAttribute("x1", x);
    cursor!.setAttribute("x2", x);
    cursor!.removeAttribute("visibility");
    const reading = readings[current]!;
    readout!.textContent = [reading.day, ...reading.values].join("  ·  ");
  }

  function hide(): void {
    cursor!.setAttribute("visibility", "hidden");
    readout!.textContent = readout!.dataset.rest ?? "";
  }

  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    show(Math.round(((event.clientX - box.left) / box.width) * (readings.length - 1)));
  });
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("blur", hide);
  plot.addEventListener("focus", () => show(current));
  plot.addEventListener("keydown", (event) => {
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30, Home: -1e6, End: 1e6 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    show(current + step);
  });
}

function readTable(chart: HTMLElement): Reading[] {
  const names = [...chart.querySelectorAll("thead th")].slice(1).map((cell) => cell.textContent?.trim() ?? "");
  return [...chart.querySelectorAll("tbody tr")].map((row) => {
    const cells = [...row.children].map((cell) => cell.textContent?.trim() ?? "");
    return { day: cells[0] ?? "", values: cells.slice(1).map((value, index) => `${names[index]}: ${value}`) };
  });
}
