// MicroPython at its prompt behind standard input and output, with a board's file system
// in a folder.  usage: node vm_board.mjs FOLDER CONTROL
// Its strap, marks and identity come from CONTROL (JSON); what it does to its pins and
// registers goes to standard error, a line each.
import * as fs from "node:fs";
import { join } from "node:path";

const [folder, control, modules] = process.argv.slice(2);
const { loadMicroPython } = await import(
  join(modules, "@micropython/micropython-webassembly-pyscript/micropython.mjs")
);
const settings = JSON.parse(fs.readFileSync(control));
const ROOT = "/flash";
let known = new Map(); // path -> "mtime size", as it is in the folder

let swallow = 0; // bytes of output that nobody is to see
function say(data) {
  const dropped = Math.min(swallow, data.length);
  swallow -= dropped;
  if (data.length > dropped) fs.writeSync(1, data.subarray(dropped));
}

const mp = await loadMicroPython({
  heapsize: 4 * 1024 * 1024,
  linebuffer: false,
  stdout: (data) => say(Buffer.from(data)),
});

function load(from, to) {
  mp.FS.mkdir(to);
  for (const name of fs.readdirSync(from)) {
    const path = join(from, name);
    if (fs.statSync(path).isDirectory()) load(path, `${to}/${name}`);
    else mp.FS.writeFile(`${to}/${name}`, fs.readFileSync(path));
  }
}

// A file counts once it is closed; here, whenever a command has been run.  What has
// another inode was renamed over it.
function* walk(at) {
  for (const name of mp.FS.readdir(at)) {
    if (name === "." || name === "..") continue;
    const path = `${at}/${name}`;
    const node = mp.FS.lookupPath(path).node;
    const isFolder = mp.FS.isDir(node.mode);
    yield [path.slice(ROOT.length + 1), isFolder, `${node.id} ${node.usedBytes} ${node.mtime}`];
    if (isFolder) yield* walk(path);
  }
}

function store() {
  const now = new Map();
  for (const [path, isFolder, stamp] of walk(ROOT)) {
    now.set(path, isFolder ? "folder" : stamp);
    if (known.get(path) === now.get(path)) continue;
    const outside = join(folder, path);
    if (isFolder) fs.mkdirSync(outside, { recursive: true });
    else {
      fs.writeFileSync(outside + "~", mp.FS.readFile(`${ROOT}/${path}`));
      fs.renameSync(outside + "~", outside);
    }
  }
  for (const path of [...known.keys()].reverse()) {
    if (!now.has(path)) fs.rmSync(join(folder, path), { recursive: true, force: true });
  }
  known = now;
}

load(folder, ROOT);
store();

globalThis.titra = {
  settings: JSON.stringify(settings),
  reset: (mark) => {
    store();
    fs.writeSync(2, `reset ${mark}\n`);
    process.exit(0);
  },
  pin: (gpio, level) => fs.writeSync(2, `pin ${gpio} ${level}\n`),
  strapped: () => JSON.parse(fs.readFileSync(control)).strapped,
};

mp.runPython(`
import sys, os, vfs, json, js, micropython
def _board(js, sys, micropython):
    settings = json.loads(js.titra.settings)
    class Implementation:
        name = "micropython"
        version = tuple(settings["version"])
        _machine = settings["machine"]
        _mpy = 6
    class Sys:
        pass
    there = Sys()
    for name in ("path", "modules", "stdin", "stdout", "stderr", "exit", "print_exception"):
        if hasattr(sys, name):
            setattr(there, name, getattr(sys, name))
    there.platform = settings["platform"]
    there.implementation = Implementation
    class Registers:
        scratch = settings["mark"]
        def __getitem__(self, address):
            return self.scratch if address == 0x4005800C else 0
        def __setitem__(self, address, value):
            if address == 0x4005800C:
                self.scratch = value
    class Pin:
        IN, OUT, PULL_UP = 0, 1, 1
        def __init__(self, gpio, mode=0, pull=None, value=None):
            self.gpio = gpio
            if mode == 1:
                js.titra.pin(gpio, value)
        def value(self):
            return 0 if self.gpio == 20 and js.titra.strapped() else 1
    class Machine:
        pass
    machine = Machine()
    machine.Pin = Pin
    machine.mem32 = Registers()
    machine.unique_id = lambda: bytes.fromhex(settings["serial_number"])
    machine.reset = lambda: js.titra.reset(machine.mem32.scratch)
    sys.modules["machine"] = machine
    if not hasattr(micropython, "kbd_intr"):
        class Micropython:
            pass
        m = Micropython()
        for name in dir(micropython):
            if not name.startswith("_"):
                setattr(m, name, getattr(micropython, name))
        m.kbd_intr = lambda code: None
        sys.modules["micropython"] = m
    if settings["flip_at"]:
        # One bit of one piece of a file turns over on its way into the flash.
        import binascii
        class Binascii:
            left = settings["flip_at"]
        flipping = Binascii()
        flipping.hexlify = binascii.hexlify
        def a2b_base64(text):
            data = bytearray(binascii.a2b_base64(text))
            flipping.left -= 1
            if flipping.left == 0:
                data[-1] ^= 4
            return bytes(data)
        flipping.a2b_base64 = a2b_base64
        sys.modules["binascii"] = flipping
    vfs.umount("/")
    vfs.mount(vfs.VfsPosix("${ROOT}"), "/")
    os.chdir("/")
    # VfsPosix with a root keeps one path at a time, and renaming takes two.
    class Os:
        pass
    files = Os()
    for name in dir(os):
        if not name.startswith("_"):
            setattr(files, name, getattr(os, name))
    rename = os.rename
    files.rename = lambda old, new: rename(old.lstrip("/"), new.lstrip("/"))
    sys.modules["os"] = files
    sys.modules["sys"] = there
_board(js, sys, micropython)
del _board, sys, os, vfs, json, js, micropython
`);

function runFile(name) {
  if (!mp.FS.analyzePath(`${ROOT}/${name}`).exists) return;
  try {
    mp.runPython(mp.FS.readFile(`${ROOT}/${name}`, { encoding: "utf8" }));
  } catch (error) {
    fs.writeSync(1, `${error.message}\r\n`);
  }
}
runFile("boot.py");
if (settings.run_main) runFile("main.py");
mp.replInit();
fs.writeSync(2, "ready\n");

// Raw paste mode reads ahead from standard input, which this build cannot do: it is done
// here, window and all, and the text goes into the plain raw prompt.
const PASTE = Buffer.from("\x05A\x01");
const WINDOW = 128;
let matched = 0;
let pasted = null;

function feed(byte) {
  if (pasted !== null) {
    if (byte === 3) {
      pasted = null;
      say(Buffer.from("\x04\x04KeyboardInterrupt: \r\n\x04>"));
    } else if (byte === 4) {
      const text = pasted;
      pasted = null;
      say(Buffer.from("\x04"));
      swallow = 2; // the OK of the plain raw prompt
      for (const b of text) mp.replProcessChar(b);
      mp.replProcessChar(4);
    } else {
      pasted.push(byte);
      if (pasted.length % WINDOW === 0) say(Buffer.from("\x01"));
    }
    return;
  }
  if (byte === PASTE[matched]) {
    matched += 1;
    if (matched === PASTE.length) {
      matched = 0;
      pasted = [];
      say(Buffer.from([0x52, 1, WINDOW, 0]));
    }
    return;
  }
  for (let i = 0; i < matched; i++) mp.replProcessChar(PASTE[i]);
  matched = 0;
  mp.replProcessChar(byte);
}

process.stdin.on("data", (data) => {
  for (const byte of data) feed(byte);
  store();
});
process.stdin.on("end", () => process.exit(0));
