// Plausible with everything on that its documentation offers for these pages; the list of file types is its own.
import { init } from '@plausible-analytics/tracker';

const { collector } = document.currentScript.dataset;

init({
  domain: 'site.localhost',
  endpoint: collector + '/api/event',
  fileDownloads: true,
  outboundLinks: true,
  formSubmissions: true,
  logging: false,
});
