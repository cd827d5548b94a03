// The volume as a solid that turns: rays through a texture of labels (WebGL 2). The pictures stay
// where there is no WebGL; what is drawn is what the slice viewers hold.
(() => {
  const box = document.getElementById("turning");
  const data = JSON.parse(document.getElementById("viewer-data").textContent);
  const canvas = box.querySelector("canvas");
  const gl = canvas.getContext("webgl2", { antialias: false });
  const largest = gl && gl.getParameter(gl.MAX_3D_TEXTURE_SIZE);
  if (!gl || typeof DecompressionStream === "undefined" || Math.max(...data.shape) > largest) return;

  const VERTEX = `#version 300 es
    in vec2 corner; out vec2 place;
    void main() { place = corner; gl_Position = vec4(corner, 0.0, 1.0); }`;
  // Voxel by voxel along the ray (Amanatides & Woo, 1987); the face that is met gives the light.
  const FRAGMENT = `#version 300 es
    precision highp float; precision highp usampler3D;
    in vec2 place; out vec4 colour;
    uniform usampler3D labels; uniform vec3 sides, size; uniform mat3 turn;
    uniform float near; uniform vec3 colours[16]; uniform uint shown;
    void main() {
      vec3 from = turn * vec3(place * near, -3.0), along = turn * vec3(0.0, 0.0, 1.0);
      along += vec3(equal(along, vec3(0.0))) * 1e-6;
      vec3 a = (-size - from) / along, b = (size - from) / along;
      vec3 first = min(a, b), last = max(a, b);
      float enter = max(max(first.x, first.y), first.z), leave = min(min(last.x, last.y), last.z);
      colour = vec4(0.0);
      if (enter >= leave) return;
      vec3 voxel = 2.0 * size / sides, begin = (from + along * (enter + 1e-5) + size) / voxel;
      ivec3 at = ivec3(clamp(floor(begin), vec3(0.0), sides - 1.0)), way = ivec3(sign(along));
      vec3 each = abs(voxel / along);
      vec3 next = (vec3(at) + max(vec3(way), 0.0) - begin) * voxel / along;
      vec3 face = step(enter - 1e-6, first);
      float gone = 0.0;
      for (int i = 0; i < 1024; i++) {
        uint label = texelFetch(labels, at, 0).r;
        if ((shown >> label & 1u) == 1u) {
          float light = min(dot(face, vec3(0.78, 0.9, 1.0)), 1.0);
          float depth = clamp((enter + gone - 1.6) / 2.8, 0.0, 1.0);
          colour = vec4(colours[label] * light * mix(1.0, 0.45, depth), 1.0);
          return;
        }
        if (next.x <= next.y && next.x <= next.z) { gone = next.x; at.x += way.x; next.x += each.x; face = vec3(1, 0, 0); }
        else if (next.y <= next.z) { gone = next.y; at.y += way.y; next.y += each.y; face = vec3(0, 1, 0); }
        else { gone = next.z; at.z += way.z; next.z += each.z; face = vec3(0, 0, 1); }
        if (any(lessThan(at, ivec3(0))) || any(greaterThanEqual(at, ivec3(sides)))) return;
      }
    }`;

  const compile = (kind, source) => {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS))
      throw new Error(gl.getShaderInfoLog(shader));
    return shader;
  };
  const inflate = async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };

  const start = async () => {
    const program = gl.createProgram();
    gl.attachShader(program, compile(gl.VERTEX_SHADER, VERTEX));
    gl.attachShader(program, compile(gl.FRAGMENT_SHADER, FRAGMENT));
    gl.linkProgram(program);
    gl.useProgram(program);
    const uniform = (name) => gl.getUniformLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(program, "corner");
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);

    const [Z, Y, X] = data.shape;
    gl.bindTexture(gl.TEXTURE_3D, gl.createTexture());
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texParameteri(gl.TEXTURE_3D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_3D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    const fill = async (number) => gl.texImage3D(
      gl.TEXTURE_3D, 0, gl.R8UI, X, Y, Z, 0, gl.RED_INTEGER, gl.UNSIGNED_BYTE,
      await inflate(data.volumes[number]),
    );
    await fill(0);
    const lengths = [X * data.voxel[2], Y * data.voxel[1], Z * data.voxel[0]];
    const longest = Math.max(...lengths);
    gl.uniform3f(uniform("sides"), X, Y, Z);
    gl.uniform3fv(uniform("size"), lengths.map((length) => length / longest));
    gl.uniform3fv(uniform("colours"), data.colours.slice(0, 16).flatMap((colour) =>
      [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16) / 255)));

    const view = { around: 0.6, up: 0.5, near: 1.6 };
    const boxes = [...box.querySelectorAll("input")];
    const draw = () => {
      const side = Math.round(canvas.clientWidth * (window.devicePixelRatio || 1));
      if (canvas.width !== side) canvas.width = canvas.height = side;
      gl.viewport(0, 0, side, side);
      const [c, s, d, t] = [Math.cos(view.around), Math.sin(view.around), Math.cos(view.up), Math.sin(view.up)];
      // columns: to the right, up and into the picture; z of the volume points up
      gl.uniformMatrix3fv(uniform("turn"), false, [c, s, 0, -s * t, c * t, d, -s * d, c * d, -t]);
      gl.uniform1f(uniform("near"), view.near);
      gl.uniform1ui(uniform("shown"), boxes.reduce((sum, one) => sum + one.checked * 2 ** one.value, 0));
      gl.drawArrays(gl.TRIANGLES, 0, 3);
      canvas.dataset.view = [view.around, view.up, view.near].map((v) => v.toFixed(2)).join(" ");
    };
    const turn = (right, down) => {
      view.around -= right;
      view.up = Math.max(-1.5, Math.min(1.5, view.up + down));
      draw();
    };
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) =>
      event.buttons && turn(event.movementX / 120, event.movementY / 120));
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, -0.15], ArrowDown: [0, 0.15] }[event.key];
      if (!step) return;
      event.preventDefault();
      turn(...step);
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      view.near = Math.max(0.3, Math.min(3, view.near * Math.exp(event.deltaY / 800)));
      draw();
    }, { passive: false });
    boxes.forEach((one) => one.addEventListener("change", draw));
    const select = document.getElementById("volume");
    if (select) select.addEventListener("change", async () => { await fill(Number(select.value)); draw(); });
    box.hidden = false;
    new ResizeObserver(draw).observe(canvas);
    box.dataset.ready = "true";
  };
  start().catch(() => (box.hidden = true));
})();
