package web

import (
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// newMetrics returns a registry of this server's own, and how long requests take. Routes stand in it as
// patterns, so no link and no person can be told from it.
func newMetrics() (*prometheus.Registry, *prometheus.HistogramVec) {
	requests := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "cxmirror_http_request_duration_seconds", Help: "How long requests took, by method, route and status.",
		Buckets: []float64{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10},
	}, []string{"method", "route", "status"})
	registry := prometheus.NewRegistry()
	registry.MustRegister(requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry, requests
}

func (s *Server) showMetrics() echo.HandlerFunc {
	return echo.WrapHandler(promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{Registry: s.metrics}))
}
