// Snowplow with page pings, link clicks and a queue in localStorage.
import { enableActivityTracking, newTracker, trackPageView } from '@snowplow/browser-tracker';
import { enableLinkClickTracking, LinkClickTrackingPlugin } from '@snowplow/browser-plugin-link-click-tracking';

const { collector } = document.currentScript.dataset;

newTracker('sp', collector, {
  appId: 'bench',
  plugins: [LinkClickTrackingPlugin()],
  keepalive: true, // off by default; without it nothing sent while leaving arrives
  respectDoNotTrack: true, // off by default
});
// Before the page view, as its documentation says. Every 10 s: finer than the 30 s and 10 s of its examples.
enableActivityTracking({ minimumVisitLength: 10, heartbeatDelay: 10 });
trackPageView();
// The middle button, too.
enableLinkClickTracking({ pseudoClicks: true });
