// The load behind the samples k6-*: 600 requests, of which make_k6.sh has every 200th fail.
import http from 'k6/http';

export const options = {
  vus: 4,
  iterations: 600,
  summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(95)', 'p(99)'],
  thresholds: { http_req_duration: ['p(95)<500'], http_req_failed: ['rate<0.001'] },
};

export default function () {
  http.get(__ENV.MODEL_URL);
}

export function handleSummary(data) {
  return { [__ENV.HANDLED]: JSON.stringify(data, null, 1) };
}
