# Where the compiled assets are.
module AssetPathsHelper
  MANIFEST = AssetManifest.new(Rails.root)

  def compute_asset_path(source, options={})
    MANIFEST.path_of(source) || super
  end
end
