// What a real site does when its own form has been accepted: say who the visitor is.
window.warmtrail = window.warmtrail || [];
document.getElementById("quote").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = (name) => event.target.elements[name].value.trim();
  const email = field("email").toLowerCase();
  warmtrail.push(["identify", email, { email, name: field("name"), company: field("company") || undefined }]);
  document.getElementById("thanks").textContent = "Thank you, " + field("name") + ". This visit now has a name in Warmtrail.";
});
