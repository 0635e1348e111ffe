// Countly with sessions, views, links, clicks, scrolls and forms.
import Countly from 'countly-sdk-web';

const { collector } = document.currentScript.dataset;

Countly.init({
  app_key: 'bench',
  url: collector,
  disable_sdk_behavior_settings_updates: true, // settings that it would ask its server for
});
Countly.track_sessions();
Countly.track_pageview();
Countly.track_links();
Countly.track_clicks();
Countly.track_scrolls();
Countly.track_forms();
