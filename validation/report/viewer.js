"use strict";
// Slice viewers: labels from the page's own JSON, one canvas pixel a voxel, enlarged by CSS.
(() => {
  const AXES = ["z", "y", "x"];
  const viewer = document.getElementById("viewer");
  const element = (id) => document.getElementById(id);

  const excuse = (why) => {
    element("viewer-excuse").textContent = why + " These slices do not move.";
    element("viewer-excuse").hidden = false;
  };
  if (typeof DecompressionStream === "undefined") {
    excuse("This browser is too old for the sliders (it has no DecompressionStream).");
    return;
  }

  const data = JSON.parse(element("viewer-data").textContent);
  const [, Y, X] = data.shape;
  const stride = [Y * X, X, 1];
  const palette = new Uint8ClampedArray(4 * 256).fill(255);
  data.colours.forEach((colour, k) => {
    for (let i = 0; i < 3; i++)
      palette[4 * k + i] = parseInt(colour.slice(1 + 2 * i, 3 + 2 * i), 16);
  });

  const inflated = new Map();
  const inflate = (text) => {
    if (!inflated.has(text)) {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      const labels = new Response(stream).arrayBuffer().then((buffer) => new Uint8Array(buffer));
      inflated.set(text, labels);
    }
    return inflated.get(text);
  };

  const paint = (canvas, labels, start, rows, columns, down, right) => {
    const image = new ImageData(columns, rows);
    const counts = new Array(data.phases.length).fill(0);
    for (let i = 0, p = 0; i < rows; i++)
      for (let j = 0; j < columns; j++, p += 4) {
        const label = labels[start + i * down + j * right];
        counts[label]++;
        image.data.set(palette.subarray(4 * label, 4 * label + 4), p);
      }
    canvas.width = columns;
    canvas.height = rows;
    canvas.getContext("2d").putImageData(image, 0, 0);
    return data.phases
      .map((name, k) => `${name} ${((100 * counts[k]) / (rows * columns)).toFixed(1)} %`)
      .join(", ");
  };

  const written = (axis, index) => {
    const at = data.first[axis] + index;
    if (data.unit === "voxels") return `${AXES[axis]} = ${at}`;
    const length = Number((at * data.voxel[axis]).toPrecision(3));
    return `${AXES[axis]} = ${at} (${length} ${data.unit})`;
  };

  let labels = null; // of the volume in sight
  const at = data.shape.map((side) => side >> 1);
  const views = [...viewer.querySelectorAll("[data-plane]")].map((box) => {
    const plane = box.dataset.plane;
    const normal = AXES.findIndex((axis) => !plane.includes(axis));
    const [down, right] = [0, 1, 2].filter((axis) => axis !== normal);
    const own = box.querySelector(".own");
    const real = data.planes[plane] ? box.querySelector(".real") : null;
    return { plane, normal, down, right, own, real, canvas: own.querySelector("canvas") };
  });

  const drawOwn = (view) => {
    const { normal, down, right, own } = view;
    const said = paint(
      view.canvas, labels, at[normal] * stride[normal],
      data.shape[down], data.shape[right], stride[down], stride[right],
    );
    const place = written(normal, at[normal]);
    own.querySelector("output").textContent = place;
    own.querySelector("input").setAttribute("aria-valuetext", place);
    own.querySelector(".said").textContent = said;
    view.canvas.setAttribute("aria-label", `slice of the volume at ${place}: ${said}`);
  };

  const cross = (view) => {
    for (const [name, axis, edge] of [["across", view.down, "top"], ["along", view.right, "left"]])
      view.own.querySelector("." + name).style[edge] =
        (100 * (at[axis] + 0.5)) / data.shape[axis] + "%";
  };

  const move = (axis, index) => {
    at[axis] = Math.max(0, Math.min(data.shape[axis] - 1, index));
    for (const view of views) {
      if (view.normal === axis) {
        view.own.querySelector("input").value = at[axis];
        drawOwn(view);
      } else cross(view);
    }
  };

  const drawReal = async (view) => {
    const { said, shapes, labels: packed } = data.planes[view.plane];
    const number = Number(view.real.querySelector("input").value);
    const [rows, columns] = shapes[number];
    const start = shapes.slice(0, number).reduce((sum, [a, b]) => sum + a * b, 0);
    const canvas = view.real.querySelector("canvas");
    const shares = paint(canvas, await inflate(packed), start, rows, columns, columns, 1);
    view.real.querySelector("output").textContent = said[number];
    view.real.querySelector("input").setAttribute("aria-valuetext", said[number]);
    view.real.querySelector(".said").textContent = shares;
    canvas.setAttribute("aria-label", `${said[number]}, plane ${view.plane}: ${shares}`);
    scale();
  };

  // One scale for all: whole screen pixels for a voxel where there is room for them.
  const scale = () => {
    const room = Math.min(...views.map((view) => view.own.clientWidth));
    const longest = Math.max(...data.shape.map((side, axis) => side * data.voxel[axis]));
    const finest = Math.min(...data.voxel);
    const screen = window.devicePixelRatio || 1;
    let unit = room / longest;
    if (unit * finest * screen >= 1)
      unit = Math.floor(unit * finest * screen + 1e-6) / (finest * screen);
    for (const view of views)
      for (const side of [view.own, view.real]) {
        if (!side) continue;
        const canvas = side.querySelector("canvas");
        canvas.style.width = canvas.width * data.voxel[view.right] * unit + "px";
        canvas.style.height = canvas.height * data.voxel[view.down] * unit + "px";
      }
    const bar = element("scale-bar");
    bar.style.width = Number(bar.dataset.length) * unit + "px";
  };

  const choose = async (number) => {
    labels = await inflate(data.volumes[number]);
    views.forEach(drawOwn);
  };

  const listen = (view) => {
    const slider = view.own.querySelector("input");
    slider.addEventListener("input", () => move(view.normal, Number(slider.value)));
    const point = (event) => {
      const box = view.canvas.getBoundingClientRect();
      const share = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
      move(view.right, Math.floor(share.x * data.shape[view.right]));
      move(view.down, Math.floor(share.y * data.shape[view.down]));
    };
    view.canvas.addEventListener("pointerdown", (event) => {
      view.canvas.setPointerCapture(event.pointerId);
      point(event);
    });
    view.canvas.addEventListener("pointermove", (event) => event.buttons && point(event));
    if (view.real)
      view.real.querySelector("input").addEventListener("input", () => drawReal(view));
  };

  const start = async () => {
    await choose(0);
    views.forEach(listen);
    views.forEach(cross);
    viewer.hidden = false; // from here on it has a size
    element("gallery").hidden = true;
    await Promise.all(views.filter((view) => view.real).map(drawReal));
    scale();
    new ResizeObserver(scale).observe(viewer);
    const select = element("volume");
    if (select) select.addEventListener("change", () => choose(Number(select.value)));
    element("lines").addEventListener("change", (event) =>
      viewer.classList.toggle("plain", !event.target.checked));
    viewer.dataset.ready = "true";
  };
  start().catch((error) => {
    viewer.hidden = true;
    element("gallery").hidden = false;
    excuse(`The slices could not be read (${error.message}).`);
  });
})();
