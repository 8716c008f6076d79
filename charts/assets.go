package charts

import (
	"embed"
	"fmt"
	"io"
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

// openAsset opens a built file to be read in parts; ErrNoAssets if it was not built.
func openAsset(name string) (io.ReaderAt, error) {
	file, err := assets.Open("assets/" + name)
	if err != nil {
		return nil, fmt.Errorf("%w (no assets/%s)", ErrNoAssets, name)
	}
	source, ok := file.(io.ReaderAt)
	if !ok {
		return nil, fmt.Errorf("charts: assets/%s cannot be read in parts", name)
	}
	return source, nil
}

// Bundle returns the script that enlivens a chart in a browser: it defines cxmirror.enliven(element). It
// returns ErrNoAssets if the program was built without it.
func Bundle() ([]byte, error) { return asset("echarts.js") }
