"use strict";

const $ = id => document.getElementById(id);
const ROLES = ["source", "reference"];
const sliders = [...document.querySelectorAll("input[type=range]")];
const chosen = role => document.querySelector(`input[name=${role}]:checked`);
let painting = false, changed = false, uploads = 0;

async function ask(path, body) {
  let response;
  try {
    response = await fetch(path, { method: "POST", body });
  } catch {
    throw new Error("The server doesn't answer. It ends with the command that started it: run python -m dg demo again.");
  }
  const answer = await response.json().catch(() => ({ error: "The server failed; its terminal says why." }));
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

function complain(words) {
  $("error").textContent = words;
  $("error").hidden = !words;
}

/* One painting at a time; of what was moved meanwhile the last state alone. */
async function paint() {
  changed = true;
  if (painting) return;
  painting = true;
  while (changed) {
    changed = false;
    for (const role of ROLES) $(role).src = chosen(role).nextElementSibling.src;
    const moves = Object.fromEntries(sliders.map(slider => [slider.id, slider.valueAsNumber]));
    const wanted = { source: chosen("source").value, reference: chosen("reference").value, moves };
    try {
      const made = await ask("/paintings", JSON.stringify(wanted));
      $("map").src = made.map;
      $("result").src = $("download").href = made.result;
      $("download").hidden = false;
      const { yaw, pitch } = made.pose;
      $("status").textContent = `Landmarks at ${yaw.toFixed(0)}° of yaw, ${pitch.toFixed(0)}° of pitch; ` +
        `made in ${made.seconds.toFixed(2)} s.`;
    } catch (error) {
      complain(error.message);
    }
  }
  painting = false;
}

async function upload(role, file) {
  complain("");
  if (file.size > Number(document.body.dataset.mostBytes)) {
    complain(`${file.name} has ${Math.ceil(file.size / 2 ** 20)} MB. ` +
      `Give a picture of at most ${document.body.dataset.mostBytes / 2 ** 20} MB.`);
    return;
  }
  $("status").textContent = `Looking for a face in ${file.name} …`;
  try {
    const { name, crop } = await ask("/pictures", file);
    uploads += 1;
    for (const other of ROLES) {
      const label = $(`${other}-people`).appendChild(document.createElement("label"));
      const radio = label.appendChild(document.createElement("input"));
      Object.assign(radio, { type: "radio", name: other, value: name, checked: other === role });
      Object.assign(label.appendChild(document.createElement("img")), { src: crop, alt: `Your picture ${uploads}` });
    }
    paint();
  } catch (error) {
    $("status").textContent = "";
    complain(error.message.replace(/^the picture/, file.name));  // files' names stay here
  }
}

function show(slider) {
  slider.nextElementSibling.textContent = String(slider.valueAsNumber);
}

for (const slider of sliders) slider.addEventListener("input", () => { show(slider); paint(); });
$("reset").addEventListener("click", () => {
  for (const slider of sliders) { slider.value = 0; show(slider); }
  paint();
});
for (const role of ROLES) {
  $(`${role}-people`).addEventListener("change", () => { complain(""); paint(); });
  $(`${role}-file`).addEventListener("change", event => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) upload(role, file);
  });
}
paint();
