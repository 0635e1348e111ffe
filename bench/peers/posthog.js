// PostHog with its newest defaults: page views on every route, page leave, autocapture of clicks. What it would load
// later or ask its server for (recorder, surveys, flags) is off: none of it is measured here.
import posthog from 'posthog-js';

const { collector } = document.currentScript.dataset;

posthog.init('phc_bench', {
  api_host: collector,
  defaults: '2026-08-30',
  capture_pageleave: true,
  respect_dnt: true, // off by default
  disable_session_recording: true,
  disable_surveys: true,
  disable_product_tours: true,
  disable_conversations: true,
  disable_external_dependency_loading: true,
  advanced_disable_flags: true,
});
