// Paper has no fold: what is folded is printed, too.
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details:not([open])")) {
    fold.open = true;
    addEventListener("afterprint", () => (fold.open = false), { once: true });
  }
});

// Every figure to keep, with the colours of a light page in place of the page's variables.
(() => {
  const light = {
    "--ink": "#1c2330", "--faint": "#c9d0da", "--accent": "#1769d2", "--real": "#8792a3",
    "--series-0": "#1769d2", "--series-1": "#c2571a", "--series-2": "#1a7f4b",
    "--series-3": "#8a3ab9", "--series-4": "#a8327a", "--series-5": "#7a6a00",
  };
  document.querySelectorAll(".panels svg").forEach((drawing, number) => {
    const link = document.createElement("a");
    link.className = "save";
    link.textContent = "SVG";
    link.download = `recon-figure-${number + 1}.svg`;
    link.setAttribute("aria-label", `save as SVG: ${drawing.getAttribute("aria-label")}`);
    link.href = "#";
    link.addEventListener("click", () => {
      const copy = drawing.cloneNode(true);
      copy.setAttribute("xmlns", drawing.namespaceURI);
      copy.setAttribute("xmlns:xlink", "h" + "ttp://www.w3.org/1999/xlink");
      const text = new XMLSerializer().serializeToString(copy)
        .replace(/var\((--[\w-]+)\)/g, (all, name) => light[name] || all);
      link.href = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    });
    const holder = document.createElement("div");
    drawing.replaceWith(holder);
    holder.append(drawing, link);
  });
})();
