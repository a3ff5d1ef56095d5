const all = (selector) => [...document.querySelectorAll(selector)];
const picture = document.querySelector('svg');
const search = document.querySelector('input');
const workloads = all('.workload');
const sections = all('section');

/** Lights up a workload, whom it calls and who calls it. */
function look(name) {
  const lines = all('.line');
  const tied = (line) => line.dataset.from === name || line.dataset.to === name;
  const near = new Set([name, ...lines.filter(tied).flatMap(({ dataset }) => [dataset.from, dataset.to])]);
  for (const line of lines) line.classList.toggle('on', tied(line));
  for (const each of workloads) each.classList.toggle('on', near.has(each.dataset.name));
  picture.classList.toggle('looking', name !== undefined);
}

/** Shows the chosen workload, or every method that holds what is searched for. */
function show() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen =
    decodeURIComponent(location.hash.slice(3)) ||
    (document.querySelector('.workload.edge') ?? workloads[0])?.dataset.name;
  for (const row of all('section tbody tr')) {
    row.hidden = !words.every((word) => row.dataset.words.includes(word));
  }
  for (const table of all('table')) {
    table.hidden = [...table.querySelectorAll('tbody tr')].every((row) => row.hidden);
    table.previousElementSibling.hidden = table.hidden;
  }
  for (const section of sections) {
    const found = [...section.querySelectorAll('tbody tr')].some((row) => !row.hidden);
    section.hidden = words.length > 0 ? !found : section.dataset.name !== chosen;
    section.classList.toggle('searched', words.length > 0);
  }
  for (const each of workloads) each.classList.toggle('chosen', each.dataset.name === chosen);
  document.querySelector('#nothing').hidden = sections.some((section) => !section.hidden);
}

for (const each of workloads) {
  const { name } = each.dataset;
  each.addEventListener('mouseenter', () => look(name));
  each.addEventListener('mouseleave', () => look(undefined));
  each.addEventListener('focus', () => look(name));
  each.addEventListener('blur', () => look(undefined));
  each.addEventListener('click', () => {
    search.value = '';
    show();
  });
}
search.addEventListener('input', show);
addEventListener('hashchange', show);
addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
  }
  if (event.key === 'Escape') {
    search.value = '';
    show();
  }
});
show();
