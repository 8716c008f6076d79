package charts

// Fonts returns the TrueType files of Noto Sans that the program carries, for documents that hold their own
// letters. The caller may change what it is given. It returns ErrNoAssets if the program was built without them.
func Fonts() (regular, semibold []byte, err error) {
	if regular, err = asset("NotoSans-Regular.ttf"); err != nil {
		return nil, nil, err
	}
	if semibold, err = asset("NotoSans-SemiBold.ttf"); err != nil {
		return nil, nil, err
	}
	return regular, semibold, nil
}
