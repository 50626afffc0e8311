//! Names that selectors must be careful with, separated by spaces.

/// Whether a list has a name.
pub(super) fn has(list: &str, name: &str) -> bool {
    list.split(' ').any(|known| known == name)
}

/// Attributes whose values HTML compares in any case.
pub(super) const ANY_CASE: &str = "\
    accept accept-charset align alink axis bgcolor charset checked clear codetype color \
    compact declare defer dir direction disabled enctype face frame hreflang http-equiv lang \
    language link media method multiple nohref noresize noshade nowrap readonly rel rev \
    rules scope scrolling selected shape target text type valign valuetype vlink";

/// Names that SVG writes with capitals; a selector in small letters does not
/// match them.
pub(super) const ADJUSTED: &str = "\
    altglyph altglyphdef altglyphitem animatecolor animatemotion animatetransform clippath \
    foreignobject glyphref lineargradient radialgradient textpath";

/// Attributes that SVG writes with capitals.
pub(super) const ADJUSTED_ATTRIBUTES: &str = "\
    attributename attributetype basefrequency baseprofile calcmode clippathunits \
    diffuseconstant edgemode filterunits glyphref gradienttransform gradientunits \
    kernelmatrix kernelunitlength keypoints keysplines keytimes lengthadjust \
    limitingconeangle markerheight markerunits markerwidth maskcontentunits maskunits \
    numoctaves pathlength patterncontentunits patterntransform patternunits pointsatx \
    pointsaty pointsatz preservealpha preserveaspectratio primitiveunits refx refy \
    repeatcount repeatdur requiredextensions requiredfeatures specularconstant \
    specularexponent spreadmethod startoffset stddeviation stitchtiles surfacescale \
    systemlanguage tablevalues targetx targety textlength viewbox viewtarget \
    xchannelselector ychannelselector zoomandpan";
