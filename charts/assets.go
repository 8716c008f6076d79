package charts

import (
	"embed"
	"fmt"
)

// assets holds what `make assets` built: the bundle of ECharts and our drawing code, the fonts and licences.
// The folder always exists, so that the program compiles without them too.
//
//go:embed all:assets
var assets embed.FS

// asset reads a built file; ErrNoAssets if it was not built.
func asset(name string) ([]byte, error) {
	content, err := assets.ReadFile("assets/" + name)
	if err != nil {
		return nil, fmt.Errorf("%w (no assets/%s)", ErrNoAssets, name)
	}
	return content, nil
}

// Bundle returns the script that enlivens a chart in a browser: it defines cxmirror.enliven(element). It
// returns ErrNoAssets if the program was built without it.
func Bundle() ([]byte, error) { return asset("echarts.js") }
