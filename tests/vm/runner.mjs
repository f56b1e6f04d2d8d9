// Runs a Python program on the WebAssembly build of MicroPython.
// usage: node runner.mjs FIRMWARE_FOLDER PROGRAM.py [MODULE.py ...]
import { readFileSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { loadMicroPython } from "@micropython/micropython-webassembly-pyscript/micropython.mjs";

const [firmware, program, ...beside] = process.argv.slice(2);
const name = basename(program, ".py");
const lines = [];
const mp = await loadMicroPython({
  heapsize: 4 * 1024 * 1024,
  linebuffer: true,
  stdout: (line) => lines.push(line),
});

function copy(from, to) {
  mp.FS.mkdir(to);
  for (const name of readdirSync(from)) {
    const path = join(from, name);
    if (statSync(path).isDirectory()) {
      if (name !== "__pycache__") copy(path, `${to}/${name}`);
    } else if (name.endsWith(".py")) {
      mp.FS.writeFile(`${to}/${name}`, readFileSync(path));
    }
  }
}

copy(join(firmware, "pump"), "/pump");
for (const path of [...beside, program]) mp.FS.writeFile(`/${basename(path)}`, readFileSync(path));
try {
  mp.runPython(`import sys\nsys.path.insert(0, '/')\nimport ${name}\n${name}.main()`);
} catch (error) {
  lines.push(`FAILED ${error.message ?? error}`);
}
process.stdout.write(lines.join("\n") + "\n");
