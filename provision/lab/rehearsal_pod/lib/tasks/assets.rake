# rake assets:precompile: hashed assets and the static error pages. Needs no database, no Redis.

namespace :assets do
  desc "Compile the assets and the error pages"
  task precompile: :environment do
    AssetManifest.new(Rails.root).compile
    {404 => "Not found", 422 => "Rejected", 500 => "Something went wrong"}.each do |code, title|
      page = ApplicationController.render(template: "errors/page", layout: false,
                                          assigns: {code: code, title: title})
      Rails.root.join("public/#{code}.html").write(page)
    end
  end
end
