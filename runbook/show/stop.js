/* The kernel works while a verb runs and reads no message of a widget: so the server is asked, as for any interrupt. */
function settings() {
  const element = document.getElementById("jupyter-config-data");
  return element ? JSON.parse(element.textContent) : {};
}

async function interrupt(kernel) {
  const { baseUrl = "/", token = "" } = settings();
  const xsrf = (document.cookie.match(/(?:^|; )_xsrf=([^;]*)/) || [])[1];
  const headers = {};
  if (token) headers.Authorization = `token ${token}`;
  if (xsrf) headers["X-XSRFToken"] = decodeURIComponent(xsrf);
  const where = `${baseUrl}api/kernels/${encodeURIComponent(kernel)}/interrupt`;
  const answer = await fetch(where, { method: "POST", headers, credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${answer.status}`);
}

function render({ model, el }) {
  const button = document.createElement("button");
  button.className = "rb-stop";
  button.type = "button";
  button.textContent = "■ Stop";
  button.title = "Stops what runs on the hosts, and lets them go";
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = "stopping…";
    try {
      await interrupt(model.get("kernel"));
    } catch {
      button.textContent = "use ■ above";
      button.title = "The server did not take it: interrupt the kernel by the notebook's own button or menu";
    }
  });
  el.appendChild(button);
}

export default { render };
