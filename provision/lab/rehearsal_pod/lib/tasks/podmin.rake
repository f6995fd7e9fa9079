# What podmins run by hand.

namespace :podmin do
  desc "Send mail to users: active_yearly, all, or a role's name; the text from a file"
  task :admin_mail, %i[users_def msg_path subject] => :environment do |_, arguments|
    users = User.where(locked_at: nil)
    admins = User.joins(:person).where(people: {id: Role.admins.select(:person_id)})
    users = {"all" => users, "active_yearly" => users.where("last_seen > ?", 1.year.ago),
             "admins" => admins}.fetch(arguments[:users_def])
    Notifier.admin(File.read(arguments[:msg_path]), users, subject: arguments[:subject]).each(&:deliver_now)
    puts "Mail sent to #{users.count} users."
  end
end

namespace :maintenance do
  desc "Queue accounts for removal that nobody has used for long"
  task(queue_users_for_removal: :environment) { Workers::QueueUsersForRemoval.perform_async }
end

namespace :migrations do
  desc "Finish account deletions that were begun"
  task(run_account_deletions: :environment) { AccountDeletion.uncompleted.find_each(&:perform!) }
end
