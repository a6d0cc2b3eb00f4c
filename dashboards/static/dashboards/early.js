// Runs while the page's own script is on its way, and makes what takes long the first time, whatever it is for:
// a format of numbers (28 ms) and a look at what the browser keeps (2 ms).
new Intl.NumberFormat(navigator.languages);
localStorage.getItem("");
