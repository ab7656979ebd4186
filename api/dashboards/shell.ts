/** The HTML of the pages: a frame without data, which the scripts fill. Everything that varies is escaped. */

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

type PageOptions = {
  readonly title: string
  readonly body: string
  readonly script: string
  readonly applicationId: string
}

function page({ title, body, script, applicationId }: PageOptions): string {
  return `<!doctype html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="/assets/mto.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/uplot.css">
<link rel="stylesheet" href="/assets/app.css">
<script src="/assets/theme.js"></script>
<script type="module" src="/assets/${escapeHtml(script)}"></script>
</head>
<body data-application="${escapeHtml(applicationId)}">
${body}
</body>
</html>
`
}

const WAVE =
  '<svg width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" aria-hidden="true"><path d="M2 8c3.3-3.2 6.7-3.2 10 0s6.7 3.2 10 0M2 15c3.3-3.2 6.7-3.2 10 0s6.7 3.2 10 0"/></svg>'

const icon = (path: string): string =>
  `<svg width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${path}</svg>`

const LINKS = [
  ['flags', 'Flags', icon('<path d="M5 21V4M5 4h12l-2.5 4L17 12H5"/>')],
  [
    'members',
    'Members',
    icon(
      '<circle cx="9" cy="8" r="3.5"/><path d="M2.5 20c.8-4 3.3-6 6.5-6s5.7 2 6.5 6M16 5a3.5 3.5 0 0 1 0 6.5M18 14.5c2 .8 3 2.6 3.5 5.5"/>',
    ),
  ],
  ['portfolio', 'Portfolio', icon('<path d="M4 20V10M10 20V4M16 20v-7M21 20H3"/>')],
  ['system', 'System', icon('<path d="M3 12h4l3 7 4-14 3 7h4"/>')],
] as const

const KEYS = [
  ['j k', 'Next and previous flag or member'],
  ['Enter', 'Open the member of a flag, or the member chosen'],
  ['/', 'Search'],
  ['t', 'Take the opened flag'],
  ['n', 'Write a note on it'],
  ['p', 'Pause the live list, and go on'],
  ['Esc', 'Close, or back'],
  ['g then f m l s', 'Go to flags, members, loans, system'],
  ['?', 'This help'],
] as const

export function dashboardPage(applicationId: string): string {
  const links = LINKS.map(([name, text, mark]) => `<a href="#/${name}">${mark}<span>${text}</span></a>`).join('')
  const keys = KEYS.map(
    ([key, text]) =>
      `<dt>${key
        .split(' ')
        .map((each) => (each === 'then' ? each : `<kbd>${each}</kbd>`))
        .join(' ')}</dt><dd>${text}</dd>`,
  ).join('')
  const body = `<a class="skip" href="#main">To the content</a>
<header class="top">
  <a class="brand" href="#/flags" aria-label="Mto, to the flags">${WAVE}<span>Mto</span></a>
  <nav class="nav" aria-label="Pages">${links}</nav>
  <div class="top-end">
    <form class="find" id="find-form" role="search"><label class="visually-hidden" for="find">Find a member</label><input class="input" id="find" type="search" placeholder="Find a member" autocomplete="off" maxlength="100"></form>
    <span class="pill" id="freshness" role="status" data-state="waiting"><i class="dot"></i><span>Connecting</span></span>
    <span class="session" id="session"></span>
    <button class="icon-button" id="theme" type="button" aria-label="Light or dark" title="Light or dark">${icon('<path d="M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z"/>')}</button>
    <button class="icon-button hide-small" id="help-open" type="button" aria-label="Keys" title="Keys (?)">${icon('<circle cx="12" cy="12" r="9"/><path d="M9.5 9.5a2.5 2.5 0 1 1 3.5 2.300c-.7.3-1 .8-1 1.7M12 17h.01"/>')}</button>
  </div>
</header>
<main id="main" tabindex="-1"><p class="empty">Loading</p></main>
<dialog id="help" aria-labelledby="help-title"><h2 id="help-title">Keys</h2><dl class="keys">${keys}</dl><button class="button" id="help-close" type="button">Close</button></dialog>
<noscript><p class="empty">The dashboard needs JavaScript. The same data is in the <a href="/docs">API</a>.</p></noscript>`
  return page({ title: 'Mto', body, script: 'app.js', applicationId })
}

export function docsPage(applicationId: string): string {
  const body = `<main id="main"><p class="empty">Loading</p></main>`
  return page({ title: 'Mto query API', body, script: 'docs.js', applicationId })
}

export const ICON_SVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="6" fill="#0b6b60"/><path d="M4 9c2.7-2.6 5.3-2.6 8 0s5.3 2.6 8 0M4 15c2.7-2.6 5.3-2.6 8 0s5.3 2.6 8 0" fill="none" stroke="#fff" stroke-width="2.2" stroke-linecap="round"/></svg>`
/** Before anything is drawn: no flash of the other theme. */
export const THEME_SCRIPT = `document.documentElement.dataset.theme = localStorage.getItem('mto-theme') ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')
`
