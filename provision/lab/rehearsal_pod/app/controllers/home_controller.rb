# The front page, and the page that greets a new pod's admin.
class HomeController < ApplicationController
  def show
    return redirect_to("/stream") if current_user

    redirect_to "/podmin" unless Role.admins.exists?
  end

  def podmin; end

  def host_meta
    xrd = Nokogiri::XML::Builder.new(encoding: "UTF-8") do |xml|
      xml.XRD("xmlns" => "http://docs.oasis-open.org/ns/xri/xrd-1.0") { xml.text("\n") }
    end
    render body: xrd.to_xml, content_type: "application/xml; charset=utf-8"
  end
end
